/**
 * What becomes of a request whose target refuses connections: it is offered to the other targets at once and,
 * if it may wait, to all of them again after a pause, until one takes it or the time is over. Nothing of a
 * request has been sent when a connection is refused, so every method may be tried again.
 */
import { connectRetryPauseMs } from "../../config/defaults.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Target } from "../services/target.ts";
import type { ExchangeError } from "../../protocols/http/exchange-error.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";

export class ConnectRetry {
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  /** Those that refused since the last pause. */
  readonly tried: Target[] = [];
  /** Why the last one did. */
  #refusal: ExchangeError | null = null;

  /** 0: it does not wait. */
  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock;
    this.#deadlineMs = clock.runningMs() + waitMs;
  }

  /** Null when no target was asked. */
  get refusal(): ExchangeError | null {
    return this.#refusal;
  }

  /** A target has refused and there is time for another to come. */
  get mayWait(): boolean {
    return this.#refusal !== null && this.#clock.runningMs() < this.#deadlineMs;
  }

  /** Whether the request, refused by `target`, may be offered again. */
  takes(error: ExchangeError, target: Target): boolean {
    if (error.code !== "connect-failed") return false;
    this.#refusal = error;
    this.tried.push(target);
    return true;
  }

  /** Resolves after the pause to true, at once to false when the client leaves. */
  pause(exchange: Exchange): Promise<boolean> {
    this.tried.length = 0;
    if (exchange.aborted) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const restMs = this.#deadlineMs - this.#clock.runningMs();
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
