/** Where the body of a response over HTTP/2 ends, as far as its head tells (RFC 9113 8.1.1). */
import { type BodyFraming, chunkedBody, noBody } from "../../../protocols/http/body-framing.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import { isBodyless } from "../../../protocols/http/status.ts";

/** Undefined when the length is none. `chunked` stands for a length that is not known. */
export function http2ResponseFraming(
  method: string,
  status: number,
  fields: Fields,
): BodyFraming | undefined {
  const announced = fields.all("content-length");
  if (announced.length > 1) return undefined;
  const [text] = announced;
  if (text !== undefined && !/^\d{1,15}$/.test(text)) return undefined;
  // A length that nothing follows would keep a client waiting (RFC 9110 8.6 forbids it).
  if (status === 204) fields.delete("content-length");
  if (method === "HEAD" || isBodyless(status)) return noBody;
  return text === undefined ? chunkedBody : { kind: "length", length: Number(text) };
}
