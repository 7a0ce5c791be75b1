/**
 * The alert for a client whose certificate is not good, which the TLS library leaves to us. In TLS 1.2 the client
 * shows it before the server has sent its ChangeCipherSpec, so that an alert goes in plain (RFC 5246 7.1, 7.2). In
 * TLS 1.3 everything that follows is encrypted with keys that nobody here has.
 */
import { writeSync } from "node:fs";

export interface AlertedSocket {
  readonly fd: number;
  getTLSVersion(): string;
  isSessionReused(): boolean;
}

/** Of RFC 5246 7.2.2. */
const unsupportedCertificate = 43;
const certificateExpired = 45;
const unknownAuthority = 48;
/** By the code of the TLS library; all others say that no authority is found. */
const alerts: Readonly<Record<string, number>> = {
  CERT_HAS_EXPIRED: certificateExpired,
  // "Or is not currently valid".
  CERT_NOT_YET_VALID: certificateExpired,
  INVALID_PURPOSE: unsupportedCertificate,
};

/** Returns whether the client was told; then the connection is to be closed. */
export function sendCertificateAlert(
  socket: AlertedSocket,
  fault: NodeJS.ErrnoException | null,
): boolean {
  // Who resumes a session has got the server's flight first.
  if (socket.getTLSVersion() !== "TLSv1.2" || socket.isSessionReused()) return false;
  const alert = alerts[fault?.code ?? ""] ?? unknownAuthority;
  const record = Buffer.from([21, 3, 3, 0, 2, 2, alert]);
  try {
    return writeSync(socket.fd, record) === record.length;
  } catch {
    return false;
  }
}
