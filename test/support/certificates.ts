/** Certificates made for a test: any names, dates, kind of key and issuer. Just enough DER (X.690) for that. */
import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";

export type KeyKind = "ec" | "rsa" | "rsa-1024" | "rsa-512" | "ed25519";

export interface TestCertificate {
  /** PEM of this certificate alone. */
  certificate: string;
  /** PEM, PKCS#8. */
  privateKey: string;
  key: KeyObject;
  commonName: string;
}

export interface TestCertificateOptions {
  notBefore?: Date;
  notAfter?: Date;
  kind?: KeyKind;
  /** Self-signed without. */
  issuer?: TestCertificate;
  isAuthority?: boolean;
  /** What it is for (RFC 5280 4.2.1.12); anything without. */
  purpose?: "client" | "server";
  /** Instead of a new one. */
  key?: KeyObject;
}

const hourMs = 3_600_000;

/** Names are DNS names, or IPv4 addresses. */
export function createCertificate(
  names: readonly string[],
  {
    notBefore = new Date(Date.now() - hourMs),
    notAfter = new Date(Date.now() + 24 * hourMs),
    kind = "ec",
    issuer,
    isAuthority = false,
    purpose,
    key = generateKey(kind),
  }: TestCertificateOptions = {},
): TestCertificate {
  const commonName = names[0] ?? "test";
  const signer = issuer?.key ?? key;
  const algorithm = signatureAlgorithm(signer);
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    nameOf(issuer?.commonName ?? commonName),
    sequence(time(notBefore), time(notAfter)),
    nameOf(commonName),
    createPublicKey(key).export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...extensions(names, isAuthority), ...usage(purpose))),
  );
  const hash = signer.asymmetricKeyType === "ed25519" ? null : "sha256";
  const der = sequence(body, algorithm, bitString(sign(hash, body, signer)));
  return { certificate: pem(der), privateKey: exportKey(key, "pkcs8"), key, commonName };
}

export function exportKey(key: KeyObject, type: "pkcs8" | "pkcs1" | "sec1"): string {
  return key.export({ type, format: "pem" }).toString();
}

function generateKey(kind: KeyKind): KeyObject {
  if (kind.startsWith("rsa")) {
    const modulusLength = Number(kind.split("-")[1] ?? 2048);
    return generateKeyPairSync("rsa", { modulusLength }).privateKey;
  }
  if (kind === "ed25519") return generateKeyPairSync("ed25519").privateKey;
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function signatureAlgorithm({ asymmetricKeyType: type }: KeyObject): Buffer {
  if (type === "rsa") return sequence(oid("2a864886f70d01010b"), Buffer.from("0500", "hex"));
  return sequence(oid(type === "ed25519" ? "2b6570" : "2a8648ce3d040302"));
}

function extensions(names: readonly string[], isAuthority: boolean): Buffer[] {
  const alternatives = names.map((name) =>
    /^[0-9.]+$/.test(name)
      ? tagged(0x87, Buffer.from(name.split(".").map(Number)))
      : tagged(0x82, Buffer.from(name)),
  );
  const subject = sequence(oid("551d11"), tagged(0x04, sequence(...alternatives)));
  if (!isAuthority) return [subject];
  const isTrue = Buffer.from("0101ff", "hex");
  return [subject, sequence(oid("551d13"), isTrue, tagged(0x04, sequence(isTrue)))];
}

function usage(purpose: TestCertificateOptions["purpose"]): Buffer[] {
  if (purpose === undefined) return [];
  const use = oid(purpose === "client" ? "2b06010505070302" : "2b06010505070301");
  return [sequence(oid("551d25"), tagged(0x04, sequence(use)))];
}

function nameOf(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(oid("550403"), tagged(0x0c, Buffer.from(commonName)))));
}

function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "");
  // Years from 2050 on have four digits (RFC 5280 4.1.2.5).
  const isLate = date.getUTCFullYear() >= 2050;
  return tagged(isLate ? 0x18 : 0x17, Buffer.from(isLate ? digits : digits.slice(2)));
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function bitString(bytes: Buffer): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.from([0]), bytes]));
}

function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, "hex"));
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(content.length)]), content]);
}

/** In the shortest form, as DER demands. */
function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
