/** Why an exchange did not come to its end, whichever side or protocol is to blame. */

export type ExchangeErrorCode =
  | "connect-failed"
  | "connect-timeout"
  | "connection-lost"
  | "response-timeout"
  | "request-timeout"
  | "status-refused"
  | "malformed-response"
  | "unexpected-upgrade"
  | "response-too-large"
  | "request-too-large"
  | "malformed-request"
  | "client-gone"
  | "draining"
  | "buffering-failed";

export class ExchangeError extends Error {
  constructor(
    readonly code: ExchangeErrorCode,
    message: string,
  ) {
    super(message);
    this.name = "ExchangeError";
  }
}

/** Why a request's body has broken off; where nobody says more, its client has gone. */
export function brokenBodyError(error: Error): ExchangeError {
  return error instanceof ExchangeError ? error : new ExchangeError("client-gone", error.message);
}
