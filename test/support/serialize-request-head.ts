/** A whole request head of one set of fields. */
import type { Fields } from "../../src/protocols/http/fields.ts";
import { appendFields, endOfHead, requestLine } from "../../src/protocols/http1/head-serializer.ts";

export function serializeRequestHead(method: string, target: string, fields: Fields): string {
  return appendFields(requestLine(method, target), fields, null) + endOfHead;
}
