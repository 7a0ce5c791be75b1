/** The answer to what can't be read as a request: the last one on its connection. */
import type { HeadFault } from "../../../protocols/http/head-fault.ts";
import { reasonPhrase } from "../../../protocols/http/status.ts";
import { errorCodeField, headFaultCode } from "../../proxy/answers/failure.ts";
import type { Http1Context } from "./http1-context.ts";

export type RefusalStatus = HeadFault["status"] | 408;

export function refusalText(
  status: RefusalStatus,
  context: Pick<Http1Context, "altSvc" | "showsErrorCodes">,
): string {
  const body = `${status} ${reasonPhrase(status)}`;
  const altSvc = context.altSvc === null ? "" : `Alt-Svc: ${context.altSvc}\r\n`;
  const code = context.showsErrorCodes ? `${errorCodeField}: ${headFaultCode(status)}\r\n` : "";
  return (
    `HTTP/1.1 ${body}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
    `${altSvc}${code}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  );
}
