/**
 * Certificates, failures and the account key of one directory, in the form in which kamal-proxy keeps them (Go's
 * autocert), so that a volume can go from one to the other and back.
 */
import { createHash, createPrivateKey } from "node:crypto";
import * as v from "valibot";
import { type KeyPair, readKeyPair } from "../key-pair.ts";
import type { CertificateStorage, StorageLock } from "./certificate-storage.ts";

const accountKeyName = "acme_account+key";
/** Name of the same before 2018. */
const oldAccountKeyName = "acme_account.key";
/** Of what is about the RSA certificate of a name. */
export const rsaSuffix = "+rsa";
const failuresFolder = "failures";

const failureSchema = v.object({
  /** How often in a row. */
  count: v.number(),
  /** Milliseconds since 1970: nothing is ordered before. */
  untilMs: v.number(),
  reason: v.string(),
});

/** Why there is no certificate for a name, and how long nobody asks for one. */
export type OrderFailure = v.InferOutput<typeof failureSchema>;

/** The part of all keys of a directory; the empty URL stands for the default one. */
export function directoryKey(directoryUrl: string): string {
  return createHash("sha256").update(directoryUrl).digest("hex");
}

export class CertificateCache {
  readonly storage: CertificateStorage;
  readonly #directory: string;

  constructor(storage: CertificateStorage, directoryUrl: string) {
    this.storage = storage;
    this.#directory = directoryKey(directoryUrl);
  }

  /** Whether anything was ever saved for the name. Never rejects. */
  async has(name: string): Promise<boolean> {
    for (const key of [name, name + rsaSuffix]) if ((await this.#read(key)) !== null) return true;
    return false;
  }

  /** Null when there is none that fits the name; dates are left to the caller. Never rejects. */
  async readCertificate(name: string): Promise<KeyPair | null> {
    return (await this.#readPair(name, name)) ?? (await this.#readPair(name + rsaSuffix, name));
  }

  /** The one for clients that take no ECDSA. Null when there is none that fits the name. Never rejects. */
  async readRsaCertificate(name: string): Promise<KeyPair | null> {
    return await this.#readPair(name + rsaSuffix, name);
  }

  async writeCertificate(
    name: string,
    { pair, keyType }: KeyPair,
    lock?: StorageLock,
  ): Promise<void> {
    const key = keyType === "rsa" ? name + rsaSuffix : name;
    await this.#write(key, traditionalKey(pair.privateKey) + pair.certificate, lock);
  }

  /** Null when there is none that can be used. */
  async readAccountKey(): Promise<string | null> {
    for (const name of [accountKeyName, oldAccountKeyName]) {
      const text = await this.#read(name);
      if (text === null) continue;
      try {
        return createPrivateKey(text).export({ type: "pkcs8", format: "pem" }).toString();
      } catch {
        // Damaged is as good as missing.
      }
    }
    return null;
  }

  async writeAccountKey(key: string, lock?: StorageLock): Promise<void> {
    await this.#write(accountKeyName, traditionalKey(key), lock);
  }

  /** Null when the last order succeeded, or there was none. Never rejects. */
  async readFailure(name: string): Promise<OrderFailure | null> {
    const text = await this.#read(`${failuresFolder}/${name}`);
    if (text === null) return null;
    try {
      return v.parse(failureSchema, JSON.parse(text));
    } catch {
      return null;
    }
  }

  async writeFailure(name: string, failure: OrderFailure): Promise<void> {
    await this.#write(`${failuresFolder}/${name}`, JSON.stringify(failure));
  }

  async deleteFailure(name: string): Promise<void> {
    await this.storage.delete(this.#key(`${failuresFolder}/${name}`));
  }

  async forget(name: string): Promise<void> {
    for (const key of [name, name + rsaSuffix]) {
      await this.storage.delete(this.#key(key));
      await this.storage.delete(this.#key(`${failuresFolder}/${key}`));
    }
  }

  /** Only one of several proxies orders a certificate or registers the account; null: there is only this one. */
  async lock(name: string, signal: AbortSignal): Promise<StorageLock | null> {
    return this.storage.isShared ? await this.storage.lock(this.#key(name), signal) : null;
  }

  async #readPair(key: string, name: string): Promise<KeyPair | null> {
    const text = await this.#read(key);
    if (text === null) return null;
    try {
      const keyPair = readKeyPair(text, text);
      return keyPair.covers(name) ? keyPair : null;
    } catch {
      return null;
    }
  }

  async #read(key: string): Promise<string | null> {
    try {
      return (await this.storage.read(this.#key(key)))?.toString("utf8") ?? null;
    } catch {
      // What can't be read is as if it were not there.
      return null;
    }
  }

  async #write(key: string, text: string, lock?: StorageLock): Promise<void> {
    await this.storage.write(this.#key(key), Buffer.from(text), lock);
  }

  #key(name: string): string {
    return `${this.#directory}/${name}`;
  }
}

/** `EC PRIVATE KEY` or `RSA PRIVATE KEY`, the forms that autocert writes. */
function traditionalKey(pem: string): string {
  const key = createPrivateKey(pem);
  const type = key.asymmetricKeyType === "rsa" ? "pkcs1" : "sec1";
  return key.export({ type, format: "pem" }).toString();
}
