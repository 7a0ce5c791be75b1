/** The requests of one issuance: repeated, spaced and given up in time. */
import {
  acmePollPauseMs,
  acmeRetryPauseMs,
  maxAcmeConnectAttempts,
  maxAcmePollPauseMs,
  maxAcmeRetryPauseMs,
} from "../../../config/limits.ts";
import { sleep } from "../../../lib/sleep.ts";
import type { Clock } from "../../../lib/clock.ts";
import { AcmeError } from "./acme-error.ts";
import { messageWithCause } from "../../../lib/error-text.ts";

export interface AcmeCallsSettings {
  clock: Clock;
  /** By the clock's `now`. */
  deadlineMs: number;
  signal: AbortSignal;
  /** The authority is busy, and will be asked again after so long. */
  postponed(error: AcmeError, pauseMs: number): void;
}

/** Requests of one issuance: repeated when the authority is busy or an answer was lost. */
export class AcmeCalls {
  readonly #settings: AcmeCallsSettings;

  constructor(settings: AcmeCallsSettings) {
    this.#settings = settings;
  }

  async run<T>(what: string, call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call();
      } catch (cause) {
        const { clock, deadlineMs, postponed } = this.#settings;
        const { kind, message, problem, retryAfterMs } = asAcmeError(cause);
        const error = new AcmeError(kind, `${what}: ${message}`, { problem, retryAfterMs, cause });
        const pauseMs = pauseAfter(error, attempt);
        if (pauseMs === null || clock.runningMs() + pauseMs > deadlineMs) throw error;
        if (kind === "busy") postponed(error, pauseMs);
        await this.#sleep(pauseMs);
      }
    }
  }

  /** Looks again, less and less often, while `isUnfinished`. */
  async poll<T>(look: () => Promise<T>, isUnfinished: (value: T) => boolean): Promise<T> {
    for (let pauseMs = acmePollPauseMs; ; pauseMs = Math.min(2 * pauseMs, maxAcmePollPauseMs)) {
      const value = await look();
      if (!isUnfinished(value)) return value;
      await this.#sleep(pauseMs);
    }
  }

  #sleep(durationMs: number): Promise<void> {
    const { clock, signal } = this.#settings;
    return sleep(clock, durationMs, signal);
  }
}

/** Null: another attempt would be the same. */
function pauseAfter(error: AcmeError, attempt: number): number | null {
  const growingMs = Math.min(acmeRetryPauseMs * 2 ** (attempt - 1), maxAcmeRetryPauseMs);
  if (error.kind === "busy") return error.retryAfterMs ?? growingMs;
  if (error.kind === "unreachable" && attempt < maxAcmeConnectAttempts) return growingMs / 4;
  return null;
}

export function asAcmeError(error: unknown): AcmeError {
  if (error instanceof AcmeError) return error;
  // What is left is an answer that makes no sense, as from something that is no ACME server.
  return new AcmeError("refused", messageWithCause(error), { cause: error });
}
