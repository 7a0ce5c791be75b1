/** Where certificates, accounts, challenges and failures are kept: a folder, or a server that several proxies share. */

export interface CertificateStorage {
  /** For messages: a path or an address, without credentials. */
  readonly place: string;
  /** Whether other proxies read and write the same. */
  readonly isShared: boolean;
  /** Null: there is none. Rejects when it can't be told. Keys have parts with slashes between them. */
  read(key: string): Promise<Buffer | null>;
  /** With a lock: rejects without having written when the lock has been lost. */
  write(key: string, value: Uint8Array, lock?: StorageLock): Promise<void>;
  /** One that is not there counts as deleted. */
  delete(key: string): Promise<void>;
  /** The keys that begin so. */
  list(prefix: string): Promise<string[]>;
  /** Waits until nobody else has it; rejects when the signal aborts or the storage can't be reached. */
  lock(name: string, signal: AbortSignal): Promise<StorageLock>;
  /** `changed`: somebody else may have written; not called again before it has ended. Disposing the result ends it. */
  watch(changed: () => Promise<void>): Disposable;
}

/** Ends with its disposal, or by itself when its holder dies. */
export interface StorageLock extends AsyncDisposable {
  readonly name: string;
  /** Unique among all holders of all locks; later ones are greater. */
  readonly fence: number;
}

/** The storage can't be reached, or refuses. */
export class StorageError extends Error {
  constructor(place: string, reason: string, options?: ErrorOptions) {
    super(`certificate store ${place}: ${reason}`, options);
    this.name = "StorageError";
  }
}
