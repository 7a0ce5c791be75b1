/** The head of a request as HTTP/1.1 text (RFC 9112 3), with the fields that concern this connection. */
import type { BodyFraming } from "../../../protocols/http/body-framing.ts";
import type { OutgoingHead } from "../../../protocols/http/outgoing-head.ts";
import {
  appendField,
  appendFields,
  endOfHead,
  requestLine,
} from "../../../protocols/http1/head-serializer.ts";

/** `upgrade` is the protocol that is asked for instead, else null. */
export function requestHeadText(
  head: OutgoingHead,
  framing: BodyFraming,
  upgrade: string | null,
): string {
  let text = appendField(requestLine(head.method, head.target), "Host", head.authority);
  text = appendFields(text, head.received, head.dropped);
  const { added } = head;
  for (let i = 0; i < added.length; i += 2) text = appendField(text, added[i]!, added[i + 1]!);
  if (upgrade !== null) text += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  return `${text}${framingLine(head.method, framing)}${endOfHead}`;
}

function framingLine(method: string, framing: BodyFraming): string {
  if (framing.kind === "length") return `Content-Length: ${framing.length}\r\n`;
  if (framing.kind === "chunked") return "Transfer-Encoding: chunked\r\n";
  // RFC 9110 8.6: a method that anticipates content says when there is none.
  const anticipates = method === "POST" || method === "PUT" || method === "PATCH";
  return anticipates ? "Content-Length: 0\r\n" : "";
}
