/**
 * A shared storage with a copy in a folder: what is read and written is kept there as well, and read from there
 * while the server can't be reached. Locks and lists are the server's alone: nothing is ordered without it.
 */
import type { Logger } from "../../../lib/logger.ts";
import { messageWithCause } from "../../../lib/error-text.ts";
import { type CertificateStorage, StorageError, type StorageLock } from "./certificate-storage.ts";

export class CopiedStorage implements CertificateStorage {
  readonly #shared: CertificateStorage;
  readonly #copy: CertificateStorage;
  readonly #logger: Logger;
  #outage: string | null = null;

  constructor(shared: CertificateStorage, copy: CertificateStorage, logger: Logger) {
    this.#shared = shared;
    this.#copy = copy;
    this.#logger = logger;
  }

  get place(): string {
    return this.#shared.place;
  }

  get isShared(): boolean {
    return this.#shared.isShared;
  }

  /** Why the server could not be reached when it was last needed; null: it answered. */
  get outage(): string | null {
    return this.#outage;
  }

  async read(key: string): Promise<Buffer | null> {
    let value: Buffer | null;
    try {
      value = await this.#noting(this.#shared.read(key));
    } catch {
      return await this.#copy.read(key);
    }
    const copied = await this.#copy.read(key).catch(() => null);
    if (value === null) {
      if (copied !== null) await this.#keep(() => this.#copy.delete(key));
    } else if (copied === null || !copied.equals(value)) {
      await this.#keep(() => this.#copy.write(key, value));
    }
    return value;
  }

  async write(key: string, value: Uint8Array, lock?: StorageLock): Promise<void> {
    await this.#noting(this.#shared.write(key, value, lock));
    await this.#keep(() => this.#copy.write(key, value));
  }

  async delete(key: string): Promise<void> {
    await this.#noting(this.#shared.delete(key));
    await this.#keep(() => this.#copy.delete(key));
  }

  list(prefix: string): Promise<string[]> {
    return this.#noting(this.#shared.list(prefix));
  }

  lock(name: string, signal: AbortSignal): Promise<StorageLock> {
    return this.#noting(this.#shared.lock(name, signal));
  }

  watch(changed: () => Promise<void>): Disposable {
    return this.#shared.watch(changed);
  }

  /** One line when it begins and one when it is over. */
  async #noting<T>(work: Promise<T>): Promise<T> {
    try {
      const value = await work;
      if (this.#outage !== null)
        this.#logger.info("Certificate store answers again", { store: this.place });
      this.#outage = null;
      return value;
    } catch (error) {
      // Whoever gives up waiting for a lock has met no outage.
      if (!(error instanceof StorageError)) throw error;
      const reason = messageWithCause(error);
      if (this.#outage === null) {
        this.#logger.error("Certificate store can't be used", { store: this.place, error: reason });
      }
      this.#outage = reason;
      throw error;
    }
  }

  /** The copy is for bad days: its own failures change nothing today. */
  async #keep(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const fields = { path: this.#copy.place, error: messageWithCause(error) };
      this.#logger.warn("Unable to copy the certificate store", fields);
    }
  }
}
