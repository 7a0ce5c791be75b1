/** A certificate chain with its private key, read from PEM as it is found in files. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";
import { isIpAddress } from "../../lib/ip-address.ts";
import { pemBlocks, pemCertificates } from "../../lib/pem.ts";
import type { CertificateKeyPair } from "../../seam/handshake-certificates.ts";
import type { Lifetime } from "./automatic/renewal.ts";

/** Clients take none below, and Go's TLS library signs with none. */
const minRsaBits = 1_024;

/** ECDSA, RSA, or what else is found in files. */
export type KeyType = "ec" | "rsa" | "other";

export interface KeyPair extends Lifetime {
  readonly pair: CertificateKeyPair;
  readonly keyType: KeyType;
  /** Whether the certificate is for that name; `*.rest` asks for the wildcard. */
  covers(name: string): boolean;
}

/**
 * Takes what Go takes: text around the blocks, CRLF, blanks at the ends of lines, other blocks
 * between them, both in one file.
 * Throws with the reason when the pair can't be served.
 */
export function readKeyPair(certificatePem: string, privateKeyPem: string): KeyPair {
  const certificates = pemCertificates(certificatePem);
  const privateKey = parsePrivateKey(privateKeyPem);
  const leaf = certificates[0]!;
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new Error("the private key does not match the certificate");
  }
  refuseSmallKey(privateKey);
  const pair = {
    certificate: certificates.map((certificate) => certificate.toString()).join(""),
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
  // The last word is the TLS library's own: it refuses some keys that can be parsed.
  createSecureContext({ cert: pair.certificate, key: pair.privateKey });
  return {
    pair,
    keyType: keyTypeOf(privateKey),
    notBeforeMs: Date.parse(leaf.validFrom),
    notAfterMs: Date.parse(leaf.validTo),
    covers(name) {
      if (isIpAddress(name)) return leaf.checkIP(name) !== undefined;
      // Any label stands for the wildcard's own, as long as no one lists it.
      return leaf.checkHost(name.replace(/^\*\./, "any-label.")) !== undefined;
    },
  };
}

function refuseSmallKey({ asymmetricKeyDetails }: KeyObject): void {
  const bits = asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < minRsaBits) {
    throw new Error(`the RSA key has ${bits} bits, and clients take none below ${minRsaBits}`);
  }
}

function keyTypeOf({ asymmetricKeyType: type }: KeyObject): KeyType {
  return type === "ec" || type === "rsa" ? type : "other";
}

function parsePrivateKey(pem: string): KeyObject {
  const { blocks } = pemBlocks(pem);
  const block = blocks.find(({ label }) => label.endsWith("PRIVATE KEY"))?.text;
  if (block === undefined) throw new Error("no private key found in PEM");
  if (/^-----BEGIN ENCRYPTED|\nProc-Type:[^\n]*ENCRYPTED/.test(block)) {
    throw new Error("the private key is encrypted");
  }
  try {
    return createPrivateKey(block);
  } catch (error) {
    throw new Error("the private key is damaged, or not of a kind that is supported", {
      cause: error,
    });
  }
}
