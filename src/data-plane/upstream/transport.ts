/** Sends requests to one target, whatever protocol the target speaks. */
import type { ResponseReceiver, UpstreamCall, UpstreamRequest } from "./upstream-request.ts";

export interface Transport {
  /** The receiver hears of the outcome, of an error never before this returns. */
  send(request: UpstreamRequest, receiver: ResponseReceiver): UpstreamCall;
  /** The target is no longer used: idle connections are closed, the others when they become idle. */
  retire(): void;
}
