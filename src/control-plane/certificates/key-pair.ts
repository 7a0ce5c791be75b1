/** A certificate chain with its private key, read from PEM as it is found in files. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { isIpAddress } from "../../lib/ip-address.ts";
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
  const chain = certificateBlocks(certificatePem);
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
      if (isIpAddress(name)) return leaf.checkIP(name) !== undefined;
      // Any label stands for the wildcard's own, as long as no one lists it.
      return leaf.checkHost(name.replace(/^\*\./, "any-label.")) !== undefined;
    },
  };
}

function parseCertificate(pem: string, index: number): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Error(`certificate ${index + 1} in the file is damaged`, { cause: error });
  }
}

/**
 * Every block that begins must be read: a leaf without the rest of its chain fails in some clients only,
 * and later. What follows a block without a new line is read.
 */
function certificateBlocks(pem: string): string[] {
  const text = pem.replaceAll(/(-----END [A-Z0-9 ]+-----)(?=-----BEGIN)/g, "$1\n");
  const { text: lines, blocks } = blocksIn(text);
  return [...lines.matchAll(/BEGIN CERTIFICATE(?! REQUEST)/g)].map((begin, index) => {
    const start = begin.index - "-----".length;
    const block = blocks.find((each) => each.index === start)?.text;
    if (block === undefined || block.lastIndexOf("BEGIN") !== "-----".length) {
      throw new Error(`certificate ${index + 1} in the file has no proper BEGIN and END line`);
    }
    return block;
  });
}

function parsePrivateKey(pem: string): KeyObject {
  const { blocks } = blocksIn(pem);
  const block = blocks.find(({ label }) => label.endsWith("PRIVATE KEY"))?.text;
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

interface PemBlock {
  label: string;
  index: number;
  text: string;
}

/** The blocks, and the text that they were found in. */
function blocksIn(pem: string): { text: string; blocks: PemBlock[] } {
  const text = pem.replace(/[ \t\r]+$/gm, "");
  const blocks = text
    .matchAll(/^-----BEGIN ([A-Z0-9 ]+)-----\n[^]*?^-----END \1-----/gm)
    .map((match) => ({ label: match[1]!, index: match.index, text: `${match[0]}\n` }));
  return { text, blocks: [...blocks] };
}
