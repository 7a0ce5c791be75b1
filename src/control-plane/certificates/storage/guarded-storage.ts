/**
 * A shared storage that is used only by those who can read what the others write: whoever has another key would
 * find nothing there, order everything anew, and write over what is theirs. A mark that all of them read tells.
 */
import { type CertificateStorage, StorageError, type StorageLock } from "./certificate-storage.ts";

const markKey = "mark";
const mark = Buffer.from("kamal-proxy");
const never = new AbortController().signal;

export class GuardedStorage implements CertificateStorage {
  readonly #inner: CertificateStorage;
  /** The mark was read. */
  #isKnown = false;

  constructor(inner: CertificateStorage) {
    this.#inner = inner;
  }

  get place(): string {
    return this.#inner.place;
  }

  get isShared(): boolean {
    return this.#inner.isShared;
  }

  async read(key: string): Promise<Buffer | null> {
    if (!this.#isKnown) await this.#look();
    return await this.#inner.read(key);
  }

  async write(key: string, value: Uint8Array, lock?: StorageLock): Promise<void> {
    await this.#look();
    await this.#inner.write(key, value, lock);
  }

  async delete(key: string): Promise<void> {
    await this.#look();
    await this.#inner.delete(key);
  }

  async list(prefix: string): Promise<string[]> {
    if (!this.#isKnown) await this.#look();
    return await this.#inner.list(prefix);
  }

  async lock(name: string, signal: AbortSignal): Promise<StorageLock> {
    await this.#look(signal);
    return await this.#inner.lock(name, signal);
  }

  watch(changed: () => Promise<void>): Disposable {
    return this.#inner.watch(changed);
  }

  /** Each time before something changes: the storage may have been emptied, and filled by others. */
  async #look(signal = never): Promise<void> {
    this.#isKnown = false;
    const found = (await this.#inner.read(markKey)) ?? (await this.#make(signal));
    if (!found.equals(mark)) {
      const reason = "KAMAL_PROXY_CERTIFICATE_STORE_KEY is plain, but what is there is encrypted";
      throw new StorageError(this.place, reason);
    }
    this.#isKnown = true;
  }

  /** The first one of all makes it. */
  async #make(signal: AbortSignal): Promise<Buffer> {
    await using lock = await this.#inner.lock(markKey, signal);
    const found = await this.#inner.read(markKey);
    if (found !== null) return found;
    await this.#inner.write(markKey, mark, lock);
    return mark;
  }
}
