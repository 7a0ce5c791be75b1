/** The certificate of a name together with the one for clients that take no ECDSA. */
import type { CertificateKeyPair } from "../../../seam/handshake-certificates.ts";
import type { KeyPair } from "../key-pair.ts";
import { isWithin } from "./renewal.ts";

interface Paired {
  rsa: CertificateKeyPair;
  pair: CertificateKeyPair;
}

const known = new WeakMap<CertificateKeyPair, Paired>();

/** The same object for the same two. */
export function pairedCertificate(
  keyPair: KeyPair,
  rsa: KeyPair | null,
  wallMs: number,
): CertificateKeyPair {
  const { pair } = keyPair;
  if (rsa === null || keyPair.keyType === "rsa" || !isWithin(rsa, wallMs)) return pair;
  const before = known.get(pair);
  if (before?.rsa === rsa.pair) return before.pair;
  const { certificate, privateKey } = rsa.pair;
  const paired = { ...pair, rsa: { certificate, privateKey } };
  known.set(pair, { rsa: rsa.pair, pair: paired });
  return paired;
}
