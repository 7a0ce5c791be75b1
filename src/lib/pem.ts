/** Certificates and keys in PEM (RFC 7468), as they are found in files. */
import { X509Certificate } from "node:crypto";

export interface PemBlock {
  label: string;
  index: number;
  text: string;
}

/** The blocks, and the text that they were found in. */
export function pemBlocks(pem: string): { text: string; blocks: PemBlock[] } {
  const text = pem.replace(/[ \t\r]+$/gm, "");
  const blocks = text
    .matchAll(/^-----BEGIN ([A-Z0-9 ]+)-----\n[^]*?^-----END \1-----/gm)
    .map((match) => ({ label: match[1]!, index: match.index, text: `${match[0]}\n` }));
  return { text, blocks: [...blocks] };
}

/**
 * All certificates of a file, in their order; throws with the reason when there is none, or one is damaged.
 * Every block that begins must be read: a leaf without the rest of its chain fails in some clients only,
 * and later. What follows a block without a new line is read.
 */
export function pemCertificates(pem: string): X509Certificate[] {
  const whole = pem.replaceAll(/(-----END [A-Z0-9 ]+-----)(?=-----BEGIN)/g, "$1\n");
  const { text, blocks } = pemBlocks(whole);
  const certificates = [...text.matchAll(/BEGIN CERTIFICATE(?! REQUEST)/g)].map((begin, index) => {
    const start = begin.index - "-----".length;
    const block = blocks.find((each) => each.index === start)?.text;
    if (block === undefined || block.lastIndexOf("BEGIN") !== "-----".length) {
      throw new Error(`certificate ${index + 1} in the file has no proper BEGIN and END line`);
    }
    return parseCertificate(block, index);
  });
  if (certificates.length === 0) throw new Error("no certificate found in PEM");
  return certificates;
}

function parseCertificate(pem: string, index: number): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Error(`certificate ${index + 1} in the file is damaged`, { cause: error });
  }
}
