/** A certificate chain with its private key, read from PEM as it is found in files. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { createSecureContext } from "node:tls";
import type { CertificateKeyPair } from "../../seam/handshake-certificates.ts";
import type { Lifetime } from "./automatic/renewal.ts";

export interface KeyPair extends Lifetime {
  readonly pair: CertificateKeyPair;
  /** Whether the certificate is for that name; `*.rest` asks for the wildcard. */
  covers(name: string): boolean;
}

/**
 * Takes what Go takes: text around the blocks, CRLF, blanks at the ends of lines, other blocks
 * between them, both in one file.
 * Throws with the reason when the pair can't be served.
 */
export function readKeyPair(certificatePem: string, privateKeyPem: string): KeyPair {
  const chain = blocksOf(certificatePem, (label) => label === "CERTIFICATE");
  if (chain.length === 0) throw new Error("no certificate found in PEM");
  const certificates = chain.map(parseCertificate);
  const privateKey = parsePrivateKey(privateKeyPem);
  const leaf = certificates[0]!;
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new Error("the private key does not match the certificate");
  }
  const pair = {
    certificate: certificates.map((certificate) => certificate.toString()).join(""),
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
  // The last word is the TLS library's own: it refuses some keys that can be parsed.
  createSecureContext({ cert: pair.certificate, key: pair.privateKey });
  return {
    pair,
    notBeforeMs: Date.parse(leaf.validFrom),
    notAfterMs: Date.parse(leaf.validTo),
    covers(name) {
      if (isIP(name) !== 0) return leaf.checkIP(name) !== undefined;
      // Any label stands for the wildcard's own, as long as no one lists it.
      return leaf.checkHost(name.replace(/^\*\./, "any-label.")) !== undefined;
    },
  };
}

function parseCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Error("a certificate is damaged", { cause: error });
  }
}

function parsePrivateKey(pem: string): KeyObject {
  const [block] = blocksOf(pem, (label) => label.endsWith("PRIVATE KEY"));
  if (block === undefined) throw new Error("no private key found in PEM");
  if (/^-----BEGIN ENCRYPTED|\nProc-Type:[^\n]*ENCRYPTED/.test(block)) {
    throw new Error("the private key is encrypted");
  }
  try {
    return createPrivateKey(block);
  } catch (error) {
    throw new Error("the private key is damaged", { cause: error });
  }
}

function blocksOf(pem: string, wanted: (label: string) => boolean): string[] {
  const blocks = pem
    .replace(/[ \t\r]+$/gm, "")
    .matchAll(/^-----BEGIN ([A-Z0-9 ]+)-----\n[^]*?^-----END \1-----/gm);
  return [...blocks].filter((block) => wanted(block[1]!)).map((block) => `${block[0]}\n`);
}
