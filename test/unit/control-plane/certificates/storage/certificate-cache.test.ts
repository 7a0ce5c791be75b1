import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  CertificateCache,
  directoryKey,
} from "../../../../../src/control-plane/certificates/storage/certificate-cache.ts";
import { FolderStorage } from "../../../../../src/control-plane/certificates/storage/folder-storage.ts";
import { readKeyPair } from "../../../../../src/control-plane/certificates/key-pair.ts";
import {
  createCertificate,
  exportKey,
  type TestCertificate,
} from "../../../../support/certificates.ts";
import { tempFolder } from "../../../../support/temp-folder.ts";

/** Of the default directory. */
function cacheIn(folder: string): CertificateCache {
  return new CertificateCache(new FolderStorage(folder), "");
}

function keyPairOf({ certificate, privateKey }: TestCertificate): ReturnType<typeof readKeyPair> {
  return readKeyPair(certificate, privateKey);
}

test("certificate-cache folders are named after the directory, the default one after nothing", () => {
  expect(directoryKey("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect(directoryKey("https://acme-staging-v02.api.letsencrypt.org/directory")).toBe(
    "67f2750652314251daad76f012141d33c9f7290f4f8ebb0a006a7f02d394a904",
  );
});

test("certificate-cache writes what autocert writes: the EC key first, then the chain, for the owner alone", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "certs", directoryKey(""));
  const authority = createCertificate(["Authority"], { isAuthority: true });
  const leaf = createCertificate(["app.test"], { issuer: authority });
  const chain = leaf.certificate + authority.certificate;
  const cache = cacheIn(join(folder.path, "certs"));
  await cache.writeCertificate("app.test", readKeyPair(chain, leaf.privateKey));
  expect(readFileSync(join(path, "app.test"), "utf8")).toBe(exportKey(leaf.key, "sec1") + chain);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(statSync(join(path, "app.test")).mode & 0o777).toBe(0o600);
});

test("certificate-cache reads what it wrote", async () => {
  using folder = tempFolder();
  const cache = cacheIn(folder.path);
  const keyPair = keyPairOf(createCertificate(["app.test"]));
  await cache.writeCertificate("app.test", keyPair);
  expect((await cache.readCertificate("app.test"))?.pair).toEqual(keyPair.pair);
});

test("certificate-cache reads an RSA certificate when there is no other", async () => {
  using folder = tempFolder();
  const { certificate, key } = createCertificate(["app.test"], { kind: "rsa" });
  mkdirSync(folder.file(directoryKey("")));
  writeFileSync(
    folder.file(`${directoryKey("")}/app.test+rsa`),
    exportKey(key, "pkcs1") + certificate,
  );
  const cache = cacheIn(folder.path);
  expect((await cache.readCertificate("app.test"))?.pair.certificate).toBe(certificate);
  expect(await cache.has("app.test")).toBe(true);
});

test("certificate-cache does not read what does not fit", async () => {
  using folder = tempFolder();
  const { certificate, privateKey } = createCertificate(["other.test"]);
  const contents = {
    garbage: "garbage",
    empty: "",
    keyOnly: privateKey,
    foreign: privateKey + certificate,
  };
  mkdirSync(folder.file(directoryKey("")));
  for (const [name, text] of Object.entries(contents))
    writeFileSync(folder.file(`${directoryKey("")}/${name}.test`), text);
  const cache = cacheIn(folder.path);
  for (const name of [...Object.keys(contents), "missing"]) {
    expect(await cache.readCertificate(`${name}.test`)).toBeNull();
  }
  expect(await cache.has("garbage.test")).toBe(true);
  expect(await cache.has("missing.test")).toBe(false);
});

test("certificate-cache keeps the account key in the form and place of autocert", async () => {
  using folder = tempFolder();
  const { key, privateKey } = createCertificate(["account"]);
  const cache = cacheIn(folder.file("scope"));
  expect(await cache.readAccountKey()).toBeNull();
  await cache.writeAccountKey(privateKey);
  const path = join(folder.path, "scope", directoryKey(""), "acme_account+key");
  expect(readFileSync(path, "utf8")).toBe(exportKey(key, "sec1"));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await cache.readAccountKey()).toBe(privateKey);
});

test("certificate-cache takes a damaged account key for a missing one", async () => {
  using folder = tempFolder();
  mkdirSync(folder.file(`scope/${directoryKey("")}`), { recursive: true });
  writeFileSync(folder.file(`scope/${directoryKey("")}/acme_account+key`), "garbage");
  expect(await cacheIn(folder.file("scope")).readAccountKey()).toBeNull();
});
