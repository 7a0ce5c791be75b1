/**
 * What becomes of a request that a target has failed. One that refused the connection has seen nothing of it,
 * so every method is offered to the other targets at once and, if it may wait, to all of them again after a
 * pause, until one takes it or the time is over. After other failures it is sent again as the service wants it.
 */
import { connectRetryPauseMs } from "../../config/limits.ts";
import type { ServiceOptions } from "../../config/options.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Target } from "../services/target.ts";
import type { ExchangeError } from "../../protocols/http/exchange-error.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";

export type RetryRules = Pick<
  ServiceOptions,
  "retries" | "retryOn" | "retryMethods" | "retryWithinMs"
>;

export class Retry {
  readonly #clock: Clock;
  readonly #rules: RetryRules;
  readonly #connectDeadlineMs: number;
  readonly #deadlineMs: number;
  #left: number;
  /** Those that failed since the last pause. */
  readonly tried: Target[] = [];
  #failure: ExchangeError | null = null;

  /** `waitMs`: how long requests of all services wait for targets that refuse; 0: not at all. */
  constructor(clock: Clock, waitMs: number, rules: RetryRules) {
    const nowMs = clock.runningMs();
    this.#clock = clock;
    this.#rules = rules;
    this.#left = rules.retries;
    this.#connectDeadlineMs = nowMs + (rules.retryWithinMs || waitMs);
    this.#deadlineMs = nowMs + (rules.retryWithinMs || Infinity);
  }

  /** Why the last target failed; null when none was asked. */
  get failure(): ExchangeError | null {
    return this.#failure;
  }

  /** A target has failed and there is time for another try. */
  get mayWait(): boolean {
    if (this.#failure === null) return false;
    const isRefused = this.#failure.code === "connect-failed";
    return this.#clock.runningMs() < (isRefused ? this.#connectDeadlineMs : this.#deadlineMs);
  }

  /** Whether the request, failed by `target`, may be offered again. `hasBody`: one that is gone now. */
  takes(error: ExchangeError, target: Target, method: string, hasBody: boolean): boolean {
    if (error.code === "connection-lost") {
      if (!this.#maySendAgain("reset", method, hasBody)) return false;
      this.#left--;
    } else if (error.code !== "connect-failed" && error.code !== "status-refused") {
      return false;
    }
    this.#failure = error;
    this.tried.push(target);
    return true;
  }

  /** Whether an answer of that status is not passed on, because another try may do better. */
  refusesStatus(status: number, method: string, hasBody: boolean): boolean {
    if (status < 500 || !this.#maySendAgain(String(status), method, hasBody)) return false;
    this.#left--;
    return true;
  }

  #maySendAgain(failure: string, method: string, hasBody: boolean): boolean {
    const { retryOn, retryMethods } = this.#rules;
    if (this.#left <= 0 || hasBody || this.#clock.runningMs() >= this.#deadlineMs) return false;
    return retryOn.includes(failure) && retryMethods.includes(method);
  }

  /** Resolves after the pause to true, at once to false when the client leaves. */
  pause(exchange: Exchange): Promise<boolean> {
    this.tried.length = 0;
    if (exchange.aborted) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const isRefused = this.#failure?.code === "connect-failed";
    const deadlineMs = isRefused ? this.#connectDeadlineMs : this.#deadlineMs;
    const restMs = deadlineMs - this.#clock.runningMs();
    const timer = this.#clock.after(Math.max(1, Math.min(connectRetryPauseMs, restMs)), () => {
      exchange.onAbort = null;
      resolve(true);
    });
    exchange.onAbort = (): void => {
      timer.cancel();
      resolve(false);
    };
    return promise;
  }
}
