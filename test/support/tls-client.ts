/** One TLS handshake of a test, and what came of it. */
import tls from "node:tls";
import { X509Certificate } from "node:crypto";
import { within } from "./wait-for.ts";

export interface Handshake {
  /** The error of a handshake that failed, else null. */
  error: string | null;
  /** Name in the certificate that was shown. */
  certificate: string | null;
  /** Of the certificate that was shown. */
  fingerprint: string | null;
  protocol: string | null;
  version: string | null;
  reused: boolean;
  /** For another handshake. */
  session: Buffer | null;
}

export interface HandshakeOptions extends tls.ConnectionOptions {
  /** Null: no server name is sent. */
  name?: string | null;
}

/** Shakes hands, asks for nothing more than a session ticket, and closes. */
export async function shakeHands(
  port: number,
  { name = "app.test", ...options }: HandshakeOptions = {},
): Promise<Handshake> {
  const done = Promise.withResolvers<Handshake>();
  const socket = tls.connect({
    host: "127.0.0.1",
    port,
    rejectUnauthorized: false,
    ...(name === null ? {} : { servername: name }),
    ...options,
  });
  const failed: Handshake = {
    error: null,
    certificate: null,
    fingerprint: null,
    protocol: null,
    version: null,
    reused: false,
    session: null,
  };
  let session: Buffer | null = null;
  let shown: Handshake | null = null;
  socket.on("session", (ticket: Buffer) => (session = ticket));
  socket.on("secureConnect", () => {
    const raw = socket.getPeerCertificate().raw as Buffer | undefined;
    const shownCertificate = raw === undefined ? null : new X509Certificate(raw);
    shown = {
      error: null,
      certificate: shownCertificate?.subject?.replace("CN=", "") ?? null,
      fingerprint: shownCertificate?.fingerprint256 ?? null,
      protocol: socket.alpnProtocol || null,
      version: socket.getProtocol(),
      reused: socket.isSessionReused(),
      session: null,
    };
    // Tickets come with the first bytes of the server: a nonsense request brings an answer.
    socket.write("?\r\n\r\n");
  });
  socket.on("data", () => socket.destroy());
  socket.on("error", (error) => done.resolve({ ...failed, error: readable(error.message) }));
  socket.on("close", () =>
    done.resolve(shown === null ? { ...failed, error: "closed" } : { ...shown, session }),
  );
  return within(done.promise, "the handshake");
}

/** `error:10000438:SSL routines:OPENSSL_internal:TLSV1_ALERT_INTERNAL_ERROR` as its last words. */
function readable(message: string): string {
  return message
    .slice(message.lastIndexOf(":") + 1)
    .toLowerCase()
    .replaceAll("_", " ");
}
