/** The heads of HTTP/1.x messages as values. */
import type { Fields } from "./fields.ts";

export type HttpVersion = "HTTP/1.0" | "HTTP/1.1";

export interface RequestHead {
  method: string;
  /** As on the wire. */
  target: string;
  version: HttpVersion;
  fields: Fields;
}

export interface ResponseHead {
  version: HttpVersion;
  status: number;
  reason: string;
  fields: Fields;
}
