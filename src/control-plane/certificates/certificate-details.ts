/** What is told of certificates. */

export type CertificateSource = "file" | "acme" | "on-demand";

/** What `certificates --json` prints for one name of one service. */
export interface CertificateDetails {
  name: string;
  service: string;
  source: CertificateSource;
  /** Name in the certificate that serves this one when it is another: a wildcard. */
  served_by: string | null;
  issuer: string | null;
  /** Kind and size. */
  key: string | null;
  /** ISO dates. */
  expires: string | null;
  /** Negative behind the end. */
  expires_in_ms: number | null;
  renews: string | null;
  /** Folder or address where it is kept; for files their path. */
  store: string;
  error: string | null;
  /** When that was, an ISO date. */
  error_at: string | null;
  /** Why an authority may not reach this proxy, as it was seen before the first order. */
  preflight: string | null;
}
