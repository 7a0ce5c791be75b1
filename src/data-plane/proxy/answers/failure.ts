/**
 * Everything that the proxy answers with itself because a request failed: one table by the code that
 * `X-Kamal-Proxy-Error` and the log line have. docs/troubleshooting.md has a paragraph for each.
 */
import type { HeadFault } from "../../../protocols/http/head-fault.ts";
import { misdirectedStatus } from "../../../protocols/http/status.ts";
import { ExchangeError, type ExchangeErrorCode } from "../../../protocols/http/exchange-error.ts";

/** The field of answers that holds the code. */
export const errorCodeField = "X-Kamal-Proxy-Error";

interface FailureKind {
  status: number;
  /** For the log line, where nobody says more. */
  detail: string;
}

/** Requests that get no target. */
const refusals = {
  "no-service": { status: 404, detail: "no service has this host and path" },
  "path-hidden": { status: 404, detail: "the proxy's own question to the app" },
  "tls-disabled": { status: 503, detail: "the service is deployed without --tls" },
  "address-refused": { status: 403, detail: "--allow-ip or --deny-ip" },
  "address-list-unreadable": { status: 503, detail: "a file of --allow-ip or --deny-ip" },
  "rate-exceeded": { status: 429, detail: "--rate-limit" },
  "credentials-refused": { status: 401, detail: "no or wrong user and password" },
  "credentials-unreadable": { status: 503, detail: "the file of --basic-auth-file" },
  "too-many-attempts": { status: 429, detail: "too many wrong passwords of this client" },
  "too-many-checks": { status: 503, detail: "too many passwords wait to be checked" },
  "client-certificate-missing": { status: 403, detail: "the client has shown no certificate" },
  "client-certificate-refused": { status: 403, detail: "the client's certificate is not good" },
  "client-authorities-unreadable": { status: 503, detail: "the file of --tls-client-ca-path" },
  misdirected: {
    status: misdirectedStatus,
    detail: "the handshake did not ask for a certificate of the client",
  },
  "auth-server-failed": { status: 502, detail: "--forward-auth" },
  "auth-server-timeout": { status: 504, detail: "--forward-auth-timeout" },
  "auth-server-busy": { status: 503, detail: "too many requests wait to ask --forward-auth" },
  "auth-server-missing": { status: 503, detail: "--forward-auth names no healthy target" },
  "user-agent-refused": { status: 403, detail: "--deny-user-agent or --deny-crawlers" },
  "too-many-in-flight": { status: 503, detail: "--max-in-flight" },
  "service-stopped": { status: 503, detail: "the service is stopped" },
  "pause-expired": { status: 504, detail: "the service was paused for too long" },
  "too-many-held": { status: 503, detail: "too many requests wait for paused services" },
  "service-removed": { status: 503, detail: "the service was removed while it was paused" },
  "no-healthy-target": { status: 503, detail: "no target of the service is healthy" },
  "internal-error": { status: 500, detail: "a fault of the proxy" },
} satisfies Record<string, FailureKind>;

export type RefusalCode = keyof typeof refusals;

/** What is no request that is served, by the status that says so. There is no log line of it. */
const headFaults = {
  400: "malformed-request",
  405: "method-refused",
  408: "head-timeout",
  413: "request-too-large",
  417: "expectation-refused",
  431: "head-too-large",
  501: "not-implemented",
  505: "version-refused",
} satisfies Record<HeadFault["status"] | 408, string>;

interface LoggedFailure {
  status: number;
  level: "error" | "info" | "none";
  message: string;
}

const badGateway = { status: 502, level: "error", message: "Error while proxying" } as const;
const timedOut = { status: 504, level: "info", message: "Target timed out" } as const;

/** Exchanges that did not come to their end. */
const brokenExchanges: Record<ExchangeErrorCode, LoggedFailure> = {
  // nginx's status for a client that left; nothing is sent, it stands in log and metrics only.
  "client-gone": { status: 499, level: "none", message: "" },
  draining: { status: 504, level: "info", message: "Request cancelled due to draining" },
  "response-timeout": timedOut,
  "connect-timeout": timedOut,
  "request-timeout": { status: 504, level: "info", message: "Request timed out" },
  "malformed-request": { status: 400, level: "info", message: "Malformed request" },
  "request-too-large": { status: 413, level: "none", message: "" },
  "response-too-large": {
    status: 500,
    level: "info",
    message: "Response exceeded max response limit",
  },
  "buffering-failed": { status: 500, level: "error", message: "Error buffering response" },
  "connect-failed": badGateway,
  "connection-lost": badGateway,
  "malformed-response": badGateway,
  "unexpected-upgrade": badGateway,
  "status-refused": badGateway,
};

export const errorCodes: ReadonlySet<string> = new Set([
  ...Object.keys(refusals),
  ...Object.keys(brokenExchanges),
  ...Object.values(headFaults),
]);

export function refusalOf(code: RefusalCode): FailureKind {
  return refusals[code];
}

export function headFaultCode(status: keyof typeof headFaults): string {
  return headFaults[status];
}

export interface Failure extends LoggedFailure {
  /** No body of ours: the client is gone. */
  silent: boolean;
}

/** `collecting`: the request body was being buffered, so that no target was chosen yet. */
export function failureOf({ code }: ExchangeError, collecting: boolean): Failure {
  const failure = { ...brokenExchanges[code], silent: code === "client-gone" };
  if (collecting) failure.message = collectingMessages[code] ?? failure.message;
  return failure;
}

const collectingMessages: Partial<Record<ExchangeErrorCode, string>> = {
  "malformed-request": "Malformed chunked request",
  "buffering-failed": "Error buffering request",
};

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
