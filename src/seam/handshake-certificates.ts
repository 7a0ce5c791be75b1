/** What TLS listeners ask for each handshake. */

/** A certificate chain and its key. */
export interface CertificateAndKey {
  /** PEM: the leaf first, then its chain. */
  readonly certificate: string;
  /** PEM: PKCS#8, PKCS#1 or SEC1. */
  readonly privateKey: string;
}

/** Identity matters: the same object means the same certificate, so contexts can be cached by it. */
export interface CertificateKeyPair extends CertificateAndKey {
  /** For clients that take no ECDSA, where the other one is that. */
  readonly rsa?: CertificateAndKey;
}

export interface HandshakeCertificates {
  /**
   * The certificate for a server name in lower case without final dot. Null: the name is refused with an alert.
   * A promise: the handshake waits for it (issuance); it never rejects. A client that takes no ECDSA waits for an
   * RSA certificate as well, where one can be had.
   */
  forName(
    name: string,
    takesEcdsa?: boolean,
  ): CertificateKeyPair | null | Promise<CertificateKeyPair | null>;
  /** For clients that send no server name; null: refused with an alert. */
  withoutName(): CertificateKeyPair | null;
  /** Host that stands in for those clients; for the log. */
  defaultHost(): string | null;
  /**
   * A client of the name takes no ECDSA. Resolves when there is an RSA certificate, or none can be had; never
   * rejects.
   */
  wantRsa(name: string): Promise<void>;
  /** Whether some name may be waiting for such a client. */
  readonly lackRsa: boolean;
  /** Whether a TLS-ALPN-01 validation of the name is under way (RFC 8737): only `acme-tls/1` is served then. */
  isChallenge(name: string): boolean;
  /** Called when `withoutName` has changed, or any certificate that is listed in `all`. */
  onChange: (() => void) | null;
  /** Every certificate that is known now, by name or wildcard; for HTTP/3, which can't ask per handshake. */
  all(): ReadonlyMap<string, CertificateKeyPair>;
}
