/**
 * A storage that several proxies share: Redis or Valkey. A counter grows with each change; everybody looks at it
 * every second. A lock is a key that ends by itself unless it is renewed; what is written under a lock is written
 * only while it is held (both in one script, so that a holder that was asleep writes nothing).
 */
import { randomUUID } from "node:crypto";
import * as v from "valibot";
import {
  maxStoredKeys,
  maxStoredValueBytes,
  storeCommandTimeoutMs,
  storeListTimeoutMs,
  storeLockMs,
  storeLockRetryMs,
  storePollIntervalMs,
  storeReconnectPauseMs,
} from "../../../config/limits.ts";
import { sleep } from "../../../lib/sleep.ts";
import type { Clock, Timer } from "../../../lib/clock.ts";
import { messageWithCause } from "../../../lib/error-text.ts";
import { type CertificateStorage, StorageError, type StorageLock } from "./certificate-storage.ts";

export interface RedisStorageSettings {
  /** `redis://` or `rediss://`, with user, password and database. */
  url: string;
  /** Before every key. */
  prefix: string;
  /** PEM of the authorities that a server with TLS is trusted by; null: the well-known ones. */
  ca: string | null;
  clock: Clock;
  connect: (url: string, ca: string | null) => RedisConnection;
}

/** The next cursor, and keys. */
const scanAnswer = v.strictTuple([v.string(), v.array(v.string())]);

/** What is used of Bun's client. */
export interface RedisConnection {
  connect(): Promise<unknown>;
  send(command: string, args: string[]): Promise<unknown>;
  close(): void;
}

const writeScript = `
if ARGV[2] ~= "" and redis.call("GET", KEYS[3]) ~= ARGV[2] then return 0 end
redis.call("SET", KEYS[1], ARGV[1])
redis.call("INCR", KEYS[2])
return 1`;
const deleteScript = `
if redis.call("DEL", KEYS[1]) == 1 then redis.call("INCR", KEYS[2]) end
return 1`;
const lockScript = `
if redis.call("EXISTS", KEYS[1]) == 1 then return 0 end
local fence = redis.call("INCR", KEYS[2])
redis.call("SET", KEYS[1], ARGV[1] .. ":" .. fence, "PX", ARGV[2])
return fence`;
const renewScript = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("PEXPIRE", KEYS[1], ARGV[2])`;
const unlockScript = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("DEL", KEYS[1])`;

export class RedisStorage implements CertificateStorage {
  readonly place: string;
  readonly isShared = true;
  readonly #settings: RedisStorageSettings;
  readonly #owner = randomUUID();
  #connection: Promise<RedisConnection> | null = null;
  /** The last connection that could not be made. */
  #failed: { untilMs: number; error: unknown } | null = null;

  constructor(settings: RedisStorageSettings) {
    this.#settings = settings;
    const { protocol, host, pathname } = new URL(settings.url);
    this.place = `${protocol}//${host}${pathname === "/" ? "" : pathname}`;
  }

  async read(key: string): Promise<Buffer | null> {
    const value = await this.#text(this.#key(key));
    if (value.length > maxStoredValueBytes) {
      throw this.#error(`${key} has more than ${maxStoredValueBytes} bytes`);
    }
    return value === "" ? null : Buffer.from(value, "base64");
  }

  async write(key: string, value: Uint8Array, lock?: StorageLock): Promise<void> {
    const keys = [
      this.#key(key),
      this.#revisionKey,
      lock === undefined ? "" : this.#lockKey(lock.name),
    ];
    const holder = lock === undefined ? "" : this.#holder(lock.fence);
    const text = Buffer.from(value).toString("base64");
    const isWritten = await this.#run(writeScript, keys, [text, holder]);
    if (isWritten === 1) return;
    const isLost = isWritten === 0 && lock !== undefined;
    throw this.#error(
      isLost ? `the lock ${lock.name} was lost: it took too long` : `${key} was not written`,
    );
  }

  async delete(key: string): Promise<void> {
    await this.#run(deleteScript, [this.#key(key), this.#revisionKey], []);
  }

  async list(prefix: string): Promise<string[]> {
    const pattern = `${this.#key(prefix).replace(/[*?[\]\\]/g, "\\$&")}*`;
    const { clock, prefix: before } = this.#settings;
    const untilMs = clock.runningMs() + storeListTimeoutMs;
    const found = new Set<string>();
    let cursor = "0";
    do {
      const answer = await this.#send("SCAN", [cursor, "MATCH", pattern, "COUNT", "1000"]);
      const page = v.safeParse(scanAnswer, answer);
      if (!page.success) throw this.#error("SCAN was answered with something else");
      const [next, keys] = page.output;
      for (const key of keys) found.add(key.slice(before.length));
      if (found.size > maxStoredKeys) {
        throw this.#error(`more than ${maxStoredKeys} keys begin with ${prefix}`);
      }
      if (clock.runningMs() > untilMs) {
        throw this.#error(`no end of the list after ${storeListTimeoutMs / 1_000} s`);
      }
      cursor = next;
    } while (cursor !== "0");
    return [...found];
  }

  async lock(name: string, signal: AbortSignal): Promise<StorageLock> {
    const key = this.#lockKey(name);
    const fenceKey = `${this.#settings.prefix}fence`;
    for (;;) {
      signal.throwIfAborted();
      const fence = await this.#run(
        lockScript,
        [key, fenceKey],
        [this.#owner, String(storeLockMs)],
      );
      if (typeof fence === "number" && fence > 0) return this.#held(name, fence);
      await sleep(this.#settings.clock, storeLockRetryMs, signal);
    }
  }

  watch(changed: () => Promise<void>): Disposable {
    const { clock } = this.#settings;
    let timer: Timer | null = null;
    let isOver = false;
    let seen: unknown;
    const look = async (): Promise<void> => {
      try {
        const revision = await this.#text(this.#revisionKey);
        if (revision !== seen) {
          const isFirst = seen === undefined;
          seen = revision;
          if (!isFirst && !isOver) await changed();
        }
      } catch {
        // Whoever reads or writes hears of it.
      }
      if (!isOver) timer = clock.after(storePollIntervalMs, () => void look());
    };
    void look();
    return {
      [Symbol.dispose]() {
        isOver = true;
        timer?.cancel();
      },
    };
  }

  /** Renewed until it is disposed. */
  #held(name: string, fence: number): StorageLock {
    const { clock } = this.#settings;
    const keys = [this.#lockKey(name)];
    let timer: Timer | null = null;
    const renewLater = (): void => {
      timer = clock.after(storeLockMs / 3, () => {
        const renewed = this.#run(renewScript, keys, [this.#holder(fence), String(storeLockMs)]);
        // Lost or not told: the next write under it shows.
        renewed.catch(() => {}).finally(() => timer !== null && renewLater());
      });
    };
    renewLater();
    return {
      name,
      fence,
      [Symbol.asyncDispose]: async () => {
        timer?.cancel();
        timer = null;
        // It ends by itself when this does not arrive.
        await this.#run(unlockScript, keys, [this.#holder(fence)]).catch(() => {});
      },
    };
  }

  #holder(fence: number): string {
    return `${this.#owner}:${fence}`;
  }

  #key(key: string): string {
    return this.#settings.prefix + key;
  }

  #lockKey(name: string): string {
    return `${this.#settings.prefix}locks/${name}`;
  }

  get #revisionKey(): string {
    return `${this.#settings.prefix}revision`;
  }

  /** Up to a byte beyond the limit; empty: there is none. */
  async #text(key: string): Promise<string> {
    const value = await this.#send("GETRANGE", [key, "0", String(maxStoredValueBytes)]);
    if (typeof value === "string") return value;
    throw this.#error("GETRANGE was answered with something else");
  }

  #run(script: string, keys: string[], args: string[]): Promise<unknown> {
    return this.#send("EVAL", [script, String(keys.length), ...keys, ...args]);
  }

  /** After a failure the next command connects anew. */
  async #send(command: string, args: string[]): Promise<unknown> {
    const connecting = (this.#connection ??= this.#connect());
    let connection: RedisConnection | null = null;
    try {
      connection = await this.#inTime(connecting);
      return await this.#inTime(connection.send(command, args));
    } catch (error) {
      // An answer of the server leaves the connection as it is.
      if (!isReply(error) && this.#connection === connecting) {
        this.#connection = null;
        connecting.then((lost) => lost.close()).catch(() => {});
      }
      throw error instanceof StorageError ? error : this.#error(reasonOf(error), error);
    }
  }

  async #connect(): Promise<RedisConnection> {
    const { url, ca, clock, connect } = this.#settings;
    // Anybody on the internet may ask for a validation, which asks the store.
    if (this.#failed !== null && clock.runningMs() < this.#failed.untilMs) throw this.#failed.error;
    const connection = connect(url, ca);
    try {
      await connection.connect();
      this.#failed = null;
      return connection;
    } catch (error) {
      this.#failed = { untilMs: clock.runningMs() + storeReconnectPauseMs, error };
      throw error;
    }
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = this.#settings.clock.after(storeCommandTimeoutMs, () => {
      reject(this.#error(`no answer within ${storeCommandTimeoutMs / 1_000} s`));
    });
    try {
      return await Promise.race([work, promise]);
    } finally {
      timer.cancel();
    }
  }

  #error(reason: string, cause?: unknown): StorageError {
    return new StorageError(this.place, reason, { cause });
  }
}

/** What the server itself said, such as `NOAUTH …` or `READONLY …`. */
function isReply(error: unknown): boolean {
  return error instanceof Error && /^[A-Z]+ /.test(error.message);
}

function reasonOf(error: unknown): string {
  const text = messageWithCause(error);
  // The client tells no more when the server does not take its first command.
  return text === "Connection closed"
    ? "it can't be reached, or closed the connection: address, user, password, database and TLS are to be checked"
    : text;
}
