/** Why a connection or a stream is ended: the code that the peer is told (RFC 9113 7), and a reason. */
import { ErrorCode } from "./frames.ts";

export class Http2Fault {
  constructor(
    readonly code: ErrorCode,
    readonly reason: string,
  ) {}
}

/** The peer has sent what the protocol does not allow there, or a malformed message (RFC 9113 8.1.1). */
export function protocolFault(reason: string): Http2Fault {
  return new Http2Fault(ErrorCode.protocolError, reason);
}
