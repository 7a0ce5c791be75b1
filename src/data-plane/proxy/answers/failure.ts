/** What a failed request means to the client, to the log and to the metrics. The only such place. */
import { UpstreamError } from "../../upstream/upstream-error.ts";

/** nginx's status for a client that left; nothing is sent, it stands in log and metrics only. */
const clientClosedRequest = 499;

export interface Failure {
  status: number;
  /** No body of ours: the client is gone. */
  silent: boolean;
  level: "error" | "info" | "none";
  message: string;
}

/** `collecting`: the request body was being buffered, so that no target was chosen yet. */
export function failureOf(error: UpstreamError, collecting: boolean): Failure {
  switch (error.code) {
    case "client-gone":
      return { status: clientClosedRequest, silent: true, level: "none", message: "" };
    case "draining":
      return page(504, "info", "Request cancelled due to draining");
    case "response-timeout":
    case "connect-timeout":
      return page(504, "info", "Target timed out");
    case "malformed-request":
      return page(400, "info", collecting ? "Malformed chunked request" : "Malformed request");
    case "request-too-large":
      return page(413, "none", "");
    case "response-too-large":
      return page(500, "info", "Response exceeded max response limit");
    case "buffering-failed":
      return page(500, "error", `Error buffering ${collecting ? "request" : "response"}`);
    case "connect-failed":
    case "connection-lost":
    case "malformed-response":
    case "unexpected-upgrade":
      return page(502, "error", "Error while proxying");
  }
}

// Failures that begin in the proxy itself.

export function clientGone(): UpstreamError {
  return new UpstreamError("client-gone", "client", "never", "the client went away");
}

export function requestTooLarge(): UpstreamError {
  return new UpstreamError("request-too-large", "client", "never", "request body too large");
}

export function responseTooLarge(maxBytes: number): UpstreamError {
  const message = `response larger than ${maxBytes} bytes`;
  return new UpstreamError("response-too-large", "upstream", "never", message);
}

/** The disk or its folder failed; only this request suffers. */
export function bufferingError(error: Error): UpstreamError {
  return new UpstreamError("buffering-failed", "proxy", "never", error.message);
}

function page(status: number, level: Failure["level"], message: string): Failure {
  return { status, silent: false, level, message };
}
