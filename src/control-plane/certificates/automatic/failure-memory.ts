/**
 * The orders of one name that failed: while they are remembered nobody orders again. A name that can't be validated
 * is remembered longer each time, also over a restart: authorities allow few failed validations (Let's Encrypt five
 * an hour for each name).
 */
import { acmeInvalidMemoriesMs } from "../../../config/limits.ts";
import type { Clock } from "../../../lib/clock.ts";
import { messageWithCause } from "../../../lib/error-text.ts";
import { AcmeError } from "../acme/acme-error.ts";
import type { OrderFailure } from "../storage/certificate-cache.ts";
import { StorageError } from "../storage/certificate-storage.ts";

/** Where it is kept for the next run, and for other proxies. None of these rejects. */
export interface OrderFailures {
  load(): Promise<OrderFailure | null>;
  save(failure: OrderFailure): Promise<void>;
  forget(): Promise<void>;
}

export class FailureMemory {
  readonly #clock: Clock;
  readonly #kept: OrderFailures;
  /** Failed validations in a row. */
  #count = 0;
  /** By the clock's `now`; nothing is ordered before. */
  #untilMs = 0;
  /** The authority named the time: a deploy does not shorten it. */
  #isNamed = false;
  #isKept = false;
  /** What was kept before counts, but does not hold. */
  #isAllowed = false;

  constructor(clock: Clock, kept: OrderFailures) {
    this.#clock = clock;
    this.#kept = kept;
  }

  /** Whether the last failure answers for another order. */
  get holds(): boolean {
    return this.#clock.now() < this.#untilMs;
  }

  /** Takes what an earlier run or another proxy has left; resolves with its reason. */
  async load(): Promise<string | null> {
    const kept = await this.#kept.load();
    if (kept === null) return null;
    this.#isKept = true;
    this.#count = kept.count;
    if (this.#isAllowed) return kept.reason;
    const longestMs = acmeInvalidMemoriesMs.at(-1)!;
    const leftMs = Math.min(kept.untilMs - this.#clock.wallMs(), longestMs);
    this.#untilMs = this.#clock.now() + leftMs;
    return kept.reason;
  }

  /** In the background, what authorities do not count as failed validations does not hold. */
  remember(error: AcmeError, isBackground = false): void {
    // Whoever waited together fails together.
    if (this.holds) return;
    const isInvalid = error.kind === "invalid";
    if (isInvalid) this.#count++;
    this.#isNamed = error.retryAfterMs !== null;
    const memoryMs = Math.max(error.memoryMs, isInvalid ? invalidMemoryMs(this.#count) : 0);
    const holdsMs = isBackground && !isInvalid && !this.#isNamed ? 0 : memoryMs;
    this.#untilMs = this.#clock.now() + holdsMs;
    // Everything else passes with other settings or another try.
    if (!isInvalid && !this.#isNamed) return;
    this.#isKept = true;
    const untilMs = this.#clock.wallMs() + holdsMs;
    void this.#kept.save({ count: this.#count, untilMs, reason: error.message });
  }

  /** A deploy may have repaired what was wrong: one more order, unless the authority named a time. */
  allowOne(): void {
    if (this.#isNamed) return;
    this.#untilMs = 0;
    this.#isAllowed = true;
  }

  /** An order has succeeded. */
  forget(): void {
    this.#count = 0;
    this.#untilMs = 0;
    if (!this.#isKept) return;
    this.#isKept = false;
    void this.#kept.forget();
  }
}

export function asFailure(error: unknown): AcmeError {
  if (error instanceof AcmeError) return error;
  // Without its lock or its place nothing is ordered; that passes.
  const kind = error instanceof StorageError ? "unreachable" : "refused";
  return new AcmeError(kind, messageWithCause(error), { cause: error });
}

function invalidMemoryMs(count: number): number {
  return acmeInvalidMemoriesMs[Math.min(count, acmeInvalidMemoriesMs.length) - 1] ?? 0;
}
