/** What the certificate store asks of whoever gets certificates. */
import type { ExternalAccount } from "../../../config/acme-settings.ts";
import type { AcmeError } from "./acme-error.ts";
import type { RenewalWindow } from "./renewal-info.ts";

export type ChallengeType = "dns-01" | "http-01" | "tls-alpn-01";

/** What is validated at a port of this machine. */
export type PortChallenge = Exclude<ChallengeType, "dns-01">;

export interface IssueRequest {
  name: string;
  directoryUrl: string;
  /** PEM, PKCS#8. */
  accountKey: string;
  /** The certificate's own key; PEM, PKCS#8. */
  privateKey: string;
  externalAccount: ExternalAccount | null;
  /** Of those that the authority offers; empty: its default. */
  profile: string;
  /** Stands for the certificate that this one replaces (RFC 9773 5); null: there is none. */
  replaces: string | null;
  /** Of those that need no DNS provider: the other one is tried when this one fails. */
  firstChallenge: PortChallenge;
  /** Aborts when nobody wants the certificate any more. */
  signal: AbortSignal;
  /** The authority is busy, and will be asked again after so long. */
  postponed(error: AcmeError, pauseMs: number): void;
}

export interface IssuedCertificate {
  /** PEM, the leaf first. */
  certificate: string;
  /** The one that the authority accepted. */
  challenge: ChallengeType;
}

export interface CertificateIssuer {
  /** Rejects with an AcmeError. */
  issue(request: IssueRequest): Promise<IssuedCertificate>;
  /** Null: the authority does not say when it wants the certificate renewed. Never rejects. */
  renewalWindow(
    directoryUrl: string,
    certificate: string,
    signal: AbortSignal,
  ): Promise<RenewalWindow | null>;
}
