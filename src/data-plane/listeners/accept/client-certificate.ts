/** What a client has shown of itself in a TLS handshake in which it was asked for a certificate. */
import { X509Certificate } from "node:crypto";
import type { ClientAuthentication, ClientCertificate } from "../../../protocols/http/exchange.ts";

/** The TLS library's word. */
export interface VerifiedSocket {
  /** The chain was issued by one of the authorities, for clients, and was valid when it was verified. */
  readonly authorized: boolean;
  /** Of a resumed session too; undefined when none was shown. */
  getPeerCertificate(detailed: true): { raw?: Uint8Array } | undefined;
}

/** `error` came with the handshake, and says why the chain is not good. */
export function shownCertificate(
  socket: VerifiedSocket,
  error: Error | null,
  wallMs: number,
): Pick<ClientAuthentication, "certificate" | "fault"> {
  const raw = socket.getPeerCertificate(true)?.raw;
  if (raw === undefined) return { certificate: null, fault: null };
  if (!socket.authorized) return { certificate: null, fault: error?.message ?? "not verified" };
  const certificate = new X509Certificate(raw);
  // A session that is resumed is not verified again, and may be days old.
  const isOver = Date.parse(certificate.validTo) <= wallMs;
  return isOver
    ? { certificate: null, fault: "certificate has expired" }
    : { certificate: factsOf(certificate), fault: null };
}

function factsOf(certificate: X509Certificate): ClientCertificate {
  return {
    subject: distinguishedName(certificate.subject ?? ""),
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    serial: certificate.serialNumber,
  };
}

/**
 * RFC 4514 2: the last one comes first. `subject` has the parts in the order of the certificate, one a line,
 * escaped already; what is beyond ASCII is escaped here (2.4).
 */
export function distinguishedName(subject: string): string {
  const parts = subject.split("\n").toReversed();
  const name = parts.map((part) => part.replaceAll(" + ", "+")).join(",");
  // oxlint-disable-next-line no-control-regex
  return name.replaceAll(/[^\x20-\x7e]+/g, (text) =>
    Buffer.from(text).toString("hex").toUpperCase().replaceAll(/../g, "\\$&"),
  );
}
