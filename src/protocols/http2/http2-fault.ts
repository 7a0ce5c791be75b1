/** Why a connection or a stream is ended: the code that the peer is told (RFC 9113 7), and a reason. */
import type { ErrorCode } from "./frames.ts";

export class Http2Fault {
  constructor(
    readonly code: ErrorCode,
    readonly reason: string,
  ) {}
}
