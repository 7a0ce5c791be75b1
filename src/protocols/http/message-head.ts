/** The heads of messages as values. */
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
  status: number;
  /** Empty where the protocol has none. */
  reason: string;
  fields: Fields;
}
