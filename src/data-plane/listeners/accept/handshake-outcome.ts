/** How a TLS handshake has ended. */
import { writeSync } from "node:fs";
import { normalHostName } from "../../../lib/host-name.ts";
import type { ClientAuthentication } from "../../../protocols/http/exchange.ts";

export type HandshakeOutcome =
  /** `protocol` is null when the client offered none. */
  CompleteHandshake | { kind: "plain-http" } | FailedHandshake;

export interface CompleteHandshake {
  kind: "complete";
  protocol: string | null;
  serverName: string | null;
  /** Null: the client was not asked for a certificate. */
  authentication: ClientAuthentication | null;
}

export interface FailedHandshake {
  kind: "failed";
  reason: string;
  /** Name that was asked for; null: none, or it is not known. */
  serverName: string | null;
  /** The client takes no kind of key that the certificate has. */
  wantsOtherKey: boolean;
}

/** What a socket knows whose handshake has failed. */
export interface FailedSocket {
  readonly fd: number;
  getServername(): string | undefined;
}

const plainHttpAnswer = Buffer.from(
  "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
  "latin1",
);

export function failedHandshake(reason: string, serverName: string | null): FailedHandshake {
  return { kind: "failed", reason, serverName, wantsOtherKey: false };
}

const otherKeyReasons: ReadonlySet<string> = new Set([
  "NO_COMMON_SIGNATURE_ALGORITHMS",
  "NO_SHARED_CIPHER",
]);

export function failedOutcome(socket: FailedSocket, error: Error | null): HandshakeOutcome {
  const message = error?.message ?? "";
  if (message.includes("HTTP_REQUEST")) {
    answerInPlain(socket.fd);
    return { kind: "plain-http" };
  }
  // `error:100000f0:SSL routines:OPENSSL_internal:UNSUPPORTED_PROTOCOL`
  const reason = message.slice(message.lastIndexOf(":") + 1).trim();
  const name = socket.getServername();
  return {
    ...failedHandshake(
      reason.toLowerCase().replaceAll("_", " ") || "EOF",
      name ? normalHostName(name) : null,
    ),
    wantsOtherKey: otherKeyReasons.has(reason),
  };
}

/** Past the TLS layer: it can't send anything readable any more. */
function answerInPlain(descriptor: number): void {
  try {
    writeSync(descriptor, plainHttpAnswer);
  } catch {
    // The client is gone, or its buffer is full after no byte: there is nobody to tell.
  }
}
