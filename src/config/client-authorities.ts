/** The certificate authorities whose certificates a service asks its clients for: `--tls-client-ca-path`. */
import { messageOf } from "../lib/error-text.ts";
import { pemCertificates } from "../lib/pem.ts";

/** In PEM, each alone and in one spelling, so that those of two files can be compared. */
export type ClientAuthorities = ReadonlySet<string>;

/** Throws with the reason when there is none, or one is damaged. */
export function readClientAuthorities(pem: string): ClientAuthorities {
  return new Set(pemCertificates(pem).map((certificate) => certificate.toString()));
}

export function clientAuthoritiesFault(pem: string): string | undefined {
  try {
    readClientAuthorities(pem);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
