/** What a failed request means to the client, to the log and to the metrics. The only such place. */
import { ExchangeError } from "../../../protocols/http/exchange-error.ts";

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
export function failureOf(error: ExchangeError, collecting: boolean): Failure {
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

export function clientGone(): ExchangeError {
  return new ExchangeError("client-gone", "the client went away");
}

export function requestTooLarge(): ExchangeError {
  return new ExchangeError("request-too-large", "request body too large");
}

export function responseTooLarge(maxBytes: number): ExchangeError {
  const message = `response larger than ${maxBytes} bytes`;
  return new ExchangeError("response-too-large", message);
}

/** The disk or its folder failed; only this request suffers. */
export function bufferingError(error: Error): ExchangeError {
  return new ExchangeError("buffering-failed", error.message);
}

function page(status: number, level: Failure["level"], message: string): Failure {
  return { status, silent: false, level, message };
}
