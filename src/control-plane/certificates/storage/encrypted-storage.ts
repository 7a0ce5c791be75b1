/** Values in another storage, encrypted (AES-256-GCM, NIST SP 800-38D); each can only be read under its own key. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { type CertificateStorage, StorageError, type StorageLock } from "./certificate-storage.ts";

const version = Buffer.from("kp1:");
const nonceBytes = 12;
const tagBytes = 16;

export class EncryptedStorage implements CertificateStorage {
  readonly #inner: CertificateStorage;
  readonly #secret: Buffer;

  /** The secret has 32 bytes. */
  constructor(inner: CertificateStorage, secret: Buffer) {
    this.#inner = inner;
    this.#secret = secret;
  }

  get place(): string {
    return this.#inner.place;
  }

  get isShared(): boolean {
    return this.#inner.isShared;
  }

  async read(key: string): Promise<Buffer | null> {
    const value = await this.#inner.read(key);
    return value === null ? null : this.#decrypt(key, value);
  }

  async write(key: string, value: Uint8Array, lock?: StorageLock): Promise<void> {
    await this.#inner.write(key, this.#encrypt(key, value), lock);
  }

  delete(key: string): Promise<void> {
    return this.#inner.delete(key);
  }

  list(prefix: string): Promise<string[]> {
    return this.#inner.list(prefix);
  }

  lock(name: string, signal: AbortSignal): Promise<StorageLock> {
    return this.#inner.lock(name, signal);
  }

  watch(changed: () => Promise<void>): Disposable {
    return this.#inner.watch(changed);
  }

  #encrypt(key: string, value: Uint8Array): Buffer {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#secret, nonce);
    cipher.setAAD(Buffer.from(key));
    const text = Buffer.concat([cipher.update(value), cipher.final()]);
    return Buffer.concat([version, nonce, cipher.getAuthTag(), text]);
  }

  #decrypt(key: string, value: Buffer): Buffer {
    if (!value.subarray(0, version.length).equals(version)) {
      const reason = `${key} is not encrypted by this version: KAMAL_PROXY_CERTIFICATE_STORE_KEY may be plain elsewhere`;
      throw new StorageError(this.place, reason);
    }
    const nonce = value.subarray(version.length, version.length + nonceBytes);
    const tag = value.subarray(version.length + nonceBytes, version.length + nonceBytes + tagBytes);
    const text = value.subarray(version.length + nonceBytes + tagBytes);
    try {
      const decipher = createDecipheriv("aes-256-gcm", this.#secret, nonce, {
        authTagLength: tagBytes,
      });
      decipher.setAAD(Buffer.from(key));
      decipher.setAuthTag(tag);
      return Buffer.concat([decipher.update(text), decipher.final()]);
    } catch (error) {
      const reason = `${key} can't be decrypted: KAMAL_PROXY_CERTIFICATE_STORE_KEY is another one`;
      throw new StorageError(this.place, reason, { cause: error });
    }
  }
}
