/** The protocol in which a request goes to its target. */
import type { TargetOptions } from "../../config/options.ts";
import type { ExchangeRequest } from "../../protocols/http/exchange.ts";
import { isGrpc } from "../../protocols/http/grpc.ts";
import type { UpstreamProtocol } from "../upstream/upstream-request.ts";

export function targetProtocolFor(
  wanted: TargetOptions["targetProtocol"],
  { upgrade, fields }: Pick<ExchangeRequest, "upgrade" | "fields">,
): UpstreamProtocol {
  // A switch of protocols is one of HTTP/1.1.
  if (upgrade !== null) return "h1";
  if (wanted !== "auto") return wanted;
  return isGrpc(fields) ? "h2c" : "h1";
}
