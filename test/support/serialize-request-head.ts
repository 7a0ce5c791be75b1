/** A whole request head of one set of fields. */
import type { Fields } from "../../src/http/fields.ts";
import { appendFields, endOfHead, requestLine } from "../../src/http/head-serializer.ts";

export function serializeRequestHead(method: string, target: string, fields: Fields): string {
  return appendFields(requestLine(method, target), fields, null) + endOfHead;
}
