/** What the head of a request over HTTP/2 asks for (RFC 9113 8.3.1, RFC 8441), or why it is refused. */
import { type BodyFraming, chunkedBody, noBody } from "../../../protocols/http/body-framing.ts";
import { Fields, isToken } from "../../../protocols/http/fields.ts";
import { HeadFault } from "../../../protocols/http/head-fault.ts";
import { checkRequest, type RequestTargetAndHost } from "../../../protocols/http/request-policy.ts";
import type { FieldSection } from "../../../protocols/http2/field-section.ts";
import { Http2Fault, protocolFault } from "../../../protocols/http2/http2-fault.ts";

export interface Http2Request extends RequestTargetAndHost {
  method: string;
  fields: Fields;
  framing: BodyFraming;
  /** The client waits to be told to send its body (RFC 9110 10.1.1). */
  expectsContinue: boolean;
  /** Of an extended CONNECT: it becomes an upgrade of HTTP/1.1. */
  upgrade: string | null;
}

/** `Http2Fault`: the message is malformed (RFC 9113 8.1.1); `HeadFault`: it is not served, and answered so. */
export function readHttp2Request(
  section: FieldSection,
  endStream: boolean,
): Http2Request | Http2Fault | HeadFault {
  if (section.malformed !== null) return protocolFault(section.malformed);
  if (section.tooLarge) return new HeadFault(431, "head too large");
  const { method, fields, protocol } = section;
  if (method === null || !isToken(method)) return protocolFault("no valid :method");
  // A name that is not there is left out (RFC 9113 8.3.1).
  if (section.authority === "") return protocolFault("an empty :authority");
  if (fields.count === 0 && section.authority !== null) {
    fields.appendChecked("host", section.authority, "host");
  }
  const isConnect = method === "CONNECT";
  if (protocol !== null && !isConnect) return protocolFault(":protocol without CONNECT");
  if (isConnect && protocol === null) {
    const isWhole = section.path === null && section.scheme === null && section.authority !== null;
    return isWhole ? new HeadFault(405, "CONNECT") : protocolFault("CONNECT with a path");
  }
  const { path } = section;
  if (section.scheme === null || !schemePattern.test(section.scheme))
    return protocolFault("no valid :scheme");
  if (path === null || !isPath(path, method)) return protocolFault("no valid :path");

  const framing = framingOf(fields, endStream);
  if (framing instanceof Http2Fault) return framing;
  // `#` is a character of the path here, which HTTP/1.1 has to escape.
  const target = path.includes("#") ? path.replaceAll("#", "%23") : path;
  const checked = checkRequest({
    method: isConnect ? "GET" : method,
    target,
    version: "HTTP/1.1",
    fields,
  });
  if (checked instanceof HeadFault) return checked;
  const expectsContinue = framing !== noBody && (fields.joined("expect") ?? "") !== "";
  const request = { ...checked, method, fields, framing, expectsContinue, upgrade: null };
  return protocol === null ? request : extendedConnect(request, protocol, endStream);
}

const schemePattern = /^https?$/i;
// oxlint-disable-next-line no-control-regex
const invalidInPath = /[\0-\x20\x7f]/;

function isPath(path: string, method: string): boolean {
  if (path.charCodeAt(0) !== 0x2f && !(path === "*" && method === "OPTIONS")) return false;
  return !invalidInPath.test(path);
}

/** A length that the body can't have makes the request malformed (RFC 9113 8.1.1). */
function framingOf(fields: Fields, endStream: boolean): BodyFraming | Http2Fault {
  if (!fields.has("content-length")) return endStream ? noBody : chunkedBody;
  const announced = fields.all("content-length");
  const length =
    announced.length === 1 && /^\d{1,15}$/.test(announced[0]!) ? Number(announced[0]) : -1;
  if (length < 0) return protocolFault("invalid Content-Length");
  if (endStream && length > 0) return protocolFault("a body shorter than its Content-Length");
  if (String(length) !== announced[0]) fields.set("content-length", String(length));
  return { kind: "length", length };
}

/** RFC 8441 5: the WebSocket handshake of HTTP/1.1 without what belongs to its connection. */
function extendedConnect(
  request: Http2Request,
  protocol: string,
  endStream: boolean,
): Http2Request | HeadFault {
  if (protocol.toLowerCase() !== "websocket" || endStream)
    return new HeadFault(501, "unknown protocol of CONNECT");
  return {
    ...request,
    method: "GET",
    framing: noBody,
    expectsContinue: false,
    upgrade: "websocket",
  };
}

/** What stands for a request that is answered without being looked at. */
export const unservedRequest: Http2Request = {
  method: "",
  path: "",
  query: "",
  host: "",
  hostName: "",
  fields: new Fields(),
  framing: noBody,
  expectsContinue: false,
  upgrade: null,
};
