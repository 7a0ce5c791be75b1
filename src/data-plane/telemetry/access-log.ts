/** The line that the access log has for each request: keys, order and types of kamal-proxy. Pure. */
import { maxLoggedValueBytes } from "../../config/limits.ts";
import { jsonFromBytes, jsonFromText } from "../../go/json-string.ts";
import { formatLogTime } from "../../lib/log-time.ts";

/** What came from a client is a byte string: one character per byte. */
export interface AccessRecord {
  /** When the request ended; with a fraction when the clock has one. */
  wallMs: number;
  /** As sent, with its port. */
  host: string;
  /** The configured port of the listener. */
  port: number;
  /** Decoded, with its prefix. */
  path: string;
  requestId: string;
  status: number;
  /** Ordinary text, as it was deployed; empty for unknown hosts. */
  service: string;
  /** Its address; empty when no target was chosen. Plain by its syntax, so it is not escaped. */
  target: string;
  durationNs: number;
  /** A token (RFC 9110 9.1), so it is not escaped. */
  method: string;
  /** -1 when not known in advance. */
  reqContentLength: number;
  reqContentType: string;
  /** Body bytes sent. */
  respContentLength: number;
  respContentType: string;
  /** An IP address, so it is not escaped. */
  clientAddr: string;
  clientPort: number;
  /** X-Forwarded-For as sent, else the client's address. */
  remoteAddr: string;
  userAgent: string;
  /** As `HTTP/1.1`; not escaped. */
  proto: string;
  /** `http` or `https`; not escaped. */
  scheme: string;
  /** Raw, without its question mark. */
  query: string;
  /** `req_…` and `resp_…`, ordinary text, with their values, in this order. */
  customFields: readonly (readonly [key: string, value: string])[] | null;
  /** The policy that has answered; null, and left out, when it was somebody else. Not escaped. */
  policy: string | null;
  /** It went to the targets of a rollout, or to others beside them; null, and left out, without a rollout. */
  rollout: boolean | null;
  /** The trace that it belongs to; null, and left out, without one. Not escaped. */
  traceId: string | null;
  /** Why it failed, as code and detail; empty, and left out, when it did not. */
  error: string;
}

/** The line with its newline. */
export function formatAccessLine(record: AccessRecord): string {
  const remoteAddr =
    record.remoteAddr === record.clientAddr
      ? `"${record.clientAddr}"`
      : loggedValueJson(record.remoteAddr);
  const line = `{"time":"${formatLogTime(record.wallMs)}","level":"INFO","msg":"Request","host":${loggedValueJson(record.host)},"port":${record.port},"path":${loggedValueJson(record.path)},"request_id":${loggedValueJson(record.requestId)},"status":${record.status},"service":${jsonFromText(record.service)},"target":"${record.target}","duration":${wholeNumber(record.durationNs)},"method":"${logged(record.method)}","req_content_length":${record.reqContentLength},"req_content_type":${loggedValueJson(record.reqContentType)},"resp_content_length":${record.respContentLength},"resp_content_type":${loggedValueJson(record.respContentType)},"client_addr":"${record.clientAddr}","client_port":"${record.clientPort}","remote_addr":${remoteAddr},"user_agent":${loggedValueJson(record.userAgent)},"proto":"${record.proto}","scheme":"${record.scheme}","query":${loggedValueJson(record.query)}`;
  const policy = record.policy === null ? "" : `,"policy":"${record.policy}"`;
  const error = record.error === "" ? "" : `,"error":${jsonFromText(record.error)}`;
  const custom = record.customFields === null ? "" : customJson(record.customFields);
  const rollout = record.rollout === null ? "" : `,"rollout":${record.rollout}`;
  const trace = record.traceId === null ? "" : `,"trace_id":"${record.traceId}"`;
  return `${line}${custom}${policy}${rollout}${trace}${error}}\n`;
}

function customJson(fields: NonNullable<AccessRecord["customFields"]>): string {
  let json = "";
  for (const [key, value] of fields) json += `,${jsonFromText(key)}:${loggedValueJson(value)}`;
  return json;
}

/** What came from a client, or its beginning when there is too much of it. */
export function loggedValueJson(bytes: string): string {
  return jsonFromBytes(logged(bytes));
}

/** The value, or its beginning and how long it was: heads may be of 1 MB, and no collector takes such lines. */
function logged(bytes: string): string {
  if (bytes.length <= maxLoggedValueBytes) return bytes;
  let end = maxLoggedValueBytes;
  // Not in the middle of a character of UTF-8.
  while (end > maxLoggedValueBytes - 4 && (bytes.charCodeAt(end) & 0xc0) === 0x80) end--;
  return `${bytes.slice(0, end)} [cut, ${bytes.length} bytes]`;
}

/** Nanoseconds come from a float of milliseconds. */
function wholeNumber(value: number): number {
  return value > 0 ? Math.floor(value) : 0;
}
