import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  cacheFolder,
  DiskCache,
} from "../../../../../src/control-plane/certificates/storage/disk-cache.ts";
import { readKeyPair } from "../../../../../src/control-plane/certificates/key-pair.ts";
import {
  createCertificate,
  exportKey,
  type TestCertificate,
} from "../../../../support/certificates.ts";
import { tempFolder } from "../../../../support/temp-folder.ts";

function keyPairOf({ certificate, privateKey }: TestCertificate): ReturnType<typeof readKeyPair> {
  return readKeyPair(certificate, privateKey);
}

test("disk-cache folders are named after the directory, the default one after nothing", () => {
  expect(cacheFolder("/certs", "")).toBe(
    "/certs/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
  expect(cacheFolder("/certs", "https://acme-staging-v02.api.letsencrypt.org/directory")).toBe(
    "/certs/67f2750652314251daad76f012141d33c9f7290f4f8ebb0a006a7f02d394a904",
  );
});

test("disk-cache writes what autocert writes: the EC key first, then the chain, for the owner alone", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "certs", "scope");
  const authority = createCertificate(["Authority"], { isAuthority: true });
  const leaf = createCertificate(["app.test"], { issuer: authority });
  const chain = leaf.certificate + authority.certificate;
  const cache = new DiskCache(path);
  await cache.writeCertificate("app.test", readKeyPair(chain, leaf.privateKey));
  expect(readFileSync(join(path, "app.test"), "utf8")).toBe(exportKey(leaf.key, "sec1") + chain);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(statSync(join(path, "app.test")).mode & 0o777).toBe(0o600);
});

test("disk-cache reads what it wrote", async () => {
  using folder = tempFolder();
  const cache = new DiskCache(folder.path);
  const keyPair = keyPairOf(createCertificate(["app.test"]));
  await cache.writeCertificate("app.test", keyPair);
  expect((await cache.readCertificate("app.test"))?.pair).toEqual(keyPair.pair);
});

test("disk-cache reads an RSA certificate when there is no other", async () => {
  using folder = tempFolder();
  const { certificate, key } = createCertificate(["app.test"], { kind: "rsa" });
  writeFileSync(folder.file("app.test+rsa"), exportKey(key, "pkcs1") + certificate);
  const cache = new DiskCache(folder.path);
  expect((await cache.readCertificate("app.test"))?.pair.certificate).toBe(certificate);
  expect(await cache.has("app.test")).toBe(true);
});

test("disk-cache does not read what does not fit", async () => {
  using folder = tempFolder();
  const { certificate, privateKey } = createCertificate(["other.test"]);
  const contents = {
    garbage: "garbage",
    empty: "",
    keyOnly: privateKey,
    foreign: privateKey + certificate,
  };
  for (const [name, text] of Object.entries(contents))
    writeFileSync(folder.file(`${name}.test`), text);
  const cache = new DiskCache(folder.path);
  for (const name of [...Object.keys(contents), "missing"]) {
    expect(await cache.readCertificate(`${name}.test`)).toBeNull();
  }
  expect(await cache.has("garbage.test")).toBe(true);
  expect(await cache.has("missing.test")).toBe(false);
});

test("disk-cache keeps the account key in the form and place of autocert", async () => {
  using folder = tempFolder();
  const { key, privateKey } = createCertificate(["account"]);
  const cache = new DiskCache(folder.file("scope"));
  expect(await cache.readAccountKey()).toBeNull();
  await cache.writeAccountKey(privateKey);
  const path = join(folder.path, "scope", "acme_account+key");
  expect(readFileSync(path, "utf8")).toBe(exportKey(key, "sec1"));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await cache.readAccountKey()).toBe(privateKey);
});

test("disk-cache takes a damaged account key for a missing one", async () => {
  using folder = tempFolder();
  mkdirSync(folder.file("scope"));
  writeFileSync(folder.file("scope/acme_account+key"), "garbage");
  expect(await new DiskCache(folder.file("scope")).readAccountKey()).toBeNull();
});
