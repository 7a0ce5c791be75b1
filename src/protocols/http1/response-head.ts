/** The head of an HTTP/1.x response: its version decides on framing and on the connection's life. */
import type { HttpVersion, ResponseHead } from "../http/message-head.ts";

export interface VersionedResponseHead extends ResponseHead {
  version: HttpVersion;
  /** Its framing fields contradict each other: nothing on the connection is to be trusted behind it. */
  ambiguous: boolean;
}
