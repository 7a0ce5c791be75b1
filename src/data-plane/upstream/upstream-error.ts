/** Why a request got no complete response from its target. */

export type UpstreamErrorCode =
  | "connect-failed"
  | "connect-timeout"
  | "connection-lost"
  | "response-timeout"
  | "malformed-response"
  | "unexpected-upgrade"
  | "response-too-large"
  | "request-too-large"
  | "malformed-request"
  | "client-gone"
  | "draining"
  | "buffering-failed";

/** Who is to blame. */
export type UpstreamErrorSource = "client" | "upstream" | "proxy";

/** Whether the same request may be sent again. */
export type RetryAdvice = "never" | "if-reused" | "always";

export class UpstreamError extends Error {
  constructor(
    readonly code: UpstreamErrorCode,
    readonly source: UpstreamErrorSource,
    readonly retry: RetryAdvice,
    message: string,
  ) {
    super(message);
    this.name = "UpstreamError";
  }
}
