import { describe, expect, test } from "bun:test";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { readKeyPair } from "../../../../src/control-plane/certificates/key-pair.ts";
import { createCertificate, exportKey, type KeyKind } from "../../../support/certificates.ts";

describe("key-pair accepts", () => {
  test.each<[KeyKind, "pkcs8" | "pkcs1" | "sec1"]>([
    ["ec", "pkcs8"],
    ["ec", "sec1"],
    ["rsa", "pkcs8"],
    ["rsa", "pkcs1"],
    ["rsa-1024", "pkcs1"],
    ["ed25519", "pkcs8"],
  ])("an %s key as %s", (kind, type) => {
    const { certificate, key } = createCertificate(["app.test"], { kind });
    const { pair } = readKeyPair(certificate, exportKey(key, type));
    expect(pair.certificate).toContain("-----BEGIN CERTIFICATE-----");
    expect(createPrivateKey(pair.privateKey).asymmetricKeyType as string).toBe(kind.split("-")[0]!);
  });

  test("text around the blocks, CRLF, and both in one file", () => {
    const { certificate, privateKey } = createCertificate(["app.test"]);
    const parameters =
      "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    const file = `Bag attributes\n${parameters}${privateKey}subject: app.test\n${certificate}end\n`;
    const plain = readKeyPair(certificate, privateKey).pair;
    expect(readKeyPair(file.replaceAll("\n", "\r\n"), file).pair).toEqual(plain);
  });

  test("blanks at the ends of lines", () => {
    const { certificate, privateKey } = createCertificate(["app.test"]);
    const blank = (pem: string): string => pem.replaceAll("\n", " \t\r\n");
    expect(readKeyPair(blank(certificate), blank(privateKey)).pair).toEqual(
      readKeyPair(certificate, privateKey).pair,
    );
  });

  test("a chain, whose certificates are all kept in order", () => {
    const authority = createCertificate(["Authority"], { isAuthority: true });
    const leaf = createCertificate(["app.test"], { issuer: authority });
    const { pair } = readKeyPair(leaf.certificate + authority.certificate, leaf.privateKey);
    expect(pair.certificate).toBe(leaf.certificate + authority.certificate);
  });

  test("blocks without a new line between them", () => {
    const authority = createCertificate(["Authority"], { isAuthority: true });
    const leaf = createCertificate(["app.test"], { issuer: authority });
    const joined = leaf.certificate.trimEnd() + authority.certificate;
    expect(readKeyPair(joined, leaf.privateKey).pair.certificate).toBe(
      leaf.certificate + authority.certificate,
    );
  });

  test("a certificate for an address, which covers it", () => {
    const { certificate, privateKey } = createCertificate(["app.test", "127.0.0.1"]);
    const { covers } = readKeyPair(certificate, privateKey);
    expect(["127.0.0.1", "127.0.0.2", "app.test"].map(covers)).toEqual([true, false, true]);
  });

  test("a certificate that has expired", () => {
    const notAfter = new Date("2020-01-02T00:00:00Z");
    const expired = createCertificate(["a.test"], {
      notBefore: new Date("2020-01-01T00:00:00Z"),
      notAfter,
    });
    expect(readKeyPair(expired.certificate, expired.privateKey).notAfterMs).toBe(
      notAfter.getTime(),
    );
  });
});

describe("key-pair refuses a chain of which a part is not read", () => {
  const authority = createCertificate(["Authority"], { isAuthority: true });
  const leaf = createCertificate(["app.test"], { issuer: authority });
  const wrong = "has no proper BEGIN and END line";
  test.each([
    [
      "no end",
      (pem: string) => pem.replace(/-----END.*\n/, ""),
      `certificate 2 in the file ${wrong}`,
    ],
    [
      "a short dash",
      (pem: string) => pem.replace("-----END", "----END"),
      `certificate 2 in the file ${wrong}`,
    ],
    [
      "a bad begin",
      (pem: string) => pem.replace("TE-----", "TE----"),
      `certificate 2 in the file ${wrong}`,
    ],
    [
      "a bad byte",
      (pem: string) => pem.replace(/\n.{8}/, "\n!!!!!!!!"),
      "certificate 2 in the file is damaged",
    ],
  ])("%s", (_name, spoil, text) => {
    const file = leaf.certificate + spoil(authority.certificate);
    expect(() => readKeyPair(file, leaf.privateKey)).toThrow(text);
  });

  test("in the middle", () => {
    const file = leaf.certificate.replace(/-----END.*\n/, "") + authority.certificate;
    expect(() => readKeyPair(file, leaf.privateKey)).toThrow(`certificate 1 in the file ${wrong}`);
  });
});

describe("key-pair refuses", () => {
  const own = createCertificate(["app.test"]);
  const other = createCertificate(["app.test"]);
  const small = createCertificate(["app.test"], { kind: "rsa-512" });
  const edwards = generateKeyPairSync("ed25519").privateKey;
  const der = edwards.export({ type: "pkcs8", format: "der" });
  // The last byte of the name of Ed25519 (RFC 8410 3): now it is that of Ed448.
  der[der.indexOf(Buffer.from("2b6570", "hex")) + 2] = 0x71;
  const otherKind = `-----BEGIN PRIVATE KEY-----\n${der.toString("base64")}\n-----END PRIVATE KEY-----\n`;
  const damaged = own.certificate.replace(/\n.{64}\n/, "\nAAAA\n");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const encrypted = privateKey
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" })
    .toString();
  test.each([
    ["an empty certificate", "", own.privateKey, "no certificate found"],
    ["junk", "hello\n", own.privateKey, "no certificate found"],
    ["an empty key", own.certificate, "", "no private key found"],
    ["the key of another certificate", own.certificate, other.privateKey, "does not match"],
    ["swapped files", own.privateKey, own.certificate, "no certificate found"],
    ["a damaged certificate", damaged, own.privateKey, "certificate 1 in the file is damaged"],
    ["a chain with a damaged certificate", own.certificate + damaged, own.privateKey, "damaged"],
    ["a damaged key", own.certificate, own.privateKey.replace(/\n.{20}/, "\n"), "key is damaged"],
    ["a key of a kind that is not supported", own.certificate, otherKind, "or not of a kind"],
    ["an RSA key that no client takes", small.certificate, small.privateKey, "has 512 bits"],
    ["an encrypted key", own.certificate, encrypted, "encrypted"],
  ])("%s", (_, certificate, key, reason) => {
    expect(() => readKeyPair(certificate, key)).toThrow(reason);
  });
});

test("key-pair knows the names that its certificate is for", () => {
  const { certificate, privateKey } = createCertificate(["app.test", "*.w.test"]);
  const keyPair = readKeyPair(certificate, privateKey);
  const covered = ["app.test", "x.w.test", "*.w.test", "w.test", "y.x.w.test", "*.v.test"];
  expect(covered.map((name) => keyPair.covers(name))).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});
