/** What a person wants to know of the certificate of one name of one service. */
import { X509Certificate } from "node:crypto";
import type { CertificateKeyPair } from "../../seam/handshake-certificates.ts";
import type { ServiceSnapshot } from "../../seam/snapshot.ts";
import type { AutomaticCertificate } from "./automatic/automatic-certificate.ts";
import type { KeyPair } from "./key-pair.ts";
import type { CertificateDetails } from "./certificate-details.ts";
import { sourceOf } from "./tls-services.ts";

export interface CertificateSubject {
  name: string;
  service: ServiceSnapshot;
  /** Name of the certificate: the same, or a wildcard. */
  servedBy: string;
  keyPair: KeyPair | null;
  /** Undefined: it comes from files, or nobody has asked for it yet. */
  automatic: AutomaticCertificate | undefined;
  /** The one for clients that take no ECDSA. */
  rsa: KeyPair | null;
  store: string;
  error: string | null;
  nowMs: number;
}

export function certificateEntry(subject: CertificateSubject): CertificateDetails {
  const { name, service, servedBy, keyPair, automatic, store, error } = subject;
  const [facts, ...more] = [keyPair, subject.rsa]
    .filter((each) => each !== null)
    .map((each) => certificateFacts(each.pair));
  return {
    name,
    service: service.name,
    source: sourceOf(service),
    served_by: servedBy === name ? null : servedBy,
    issuer: facts?.issuer ?? null,
    key: facts === undefined ? null : [facts, ...more].map(({ key }) => key).join(", "),
    expires: isoDate(keyPair?.notAfterMs),
    expires_in_ms: keyPair === null ? null : keyPair.notAfterMs - subject.nowMs,
    renews: isoDate(automatic?.renewAtMs),
    store,
    error,
    error_at: isoDate(automatic?.lastErrorMs),
    preflight: automatic?.preflight ?? null,
  };
}

function isoDate(wallMs: number | null | undefined): string | null {
  return wallMs === null || wallMs === undefined ? null : new Date(wallMs).toISOString();
}

interface CertificateFacts {
  /** Organisation or common name of who has issued it. */
  issuer: string;
  /** Kind and size, such as `ECDSA P-256`. */
  key: string;
}

const known = new WeakMap<CertificateKeyPair, CertificateFacts>();
const curves: Readonly<Record<string, string>> = {
  prime256v1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
};

function certificateFacts(pair: CertificateKeyPair): CertificateFacts {
  let facts = known.get(pair);
  if (facts === undefined) {
    facts = readFacts(pair);
    known.set(pair, facts);
  }
  return facts;
}

function readFacts({ certificate }: CertificateKeyPair): CertificateFacts {
  const { issuer, publicKey } = new X509Certificate(certificate);
  const part = (name: string): string | undefined =>
    new RegExp(`^${name}=(.*)$`, "m").exec(issuer)?.[1];
  const { modulusLength, namedCurve = "" } = publicKey.asymmetricKeyDetails ?? {};
  const type = publicKey.asymmetricKeyType;
  const key =
    type === "ec"
      ? `ECDSA ${curves[namedCurve] ?? namedCurve}`
      : type === "rsa"
        ? `RSA ${modulusLength}`
        : String(type);
  return { issuer: [part("O"), part("CN")].filter(Boolean).join(" ") || issuer, key };
}
