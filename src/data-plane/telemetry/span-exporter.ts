/**
 * Sends spans to a collector, many at once. What waits is limited, and a collector that is down or slow costs
 * a request now and then: spans beyond the limit are dropped and counted.
 */
import { spanLimits } from "../../config/span-limits.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { messageOf } from "../../lib/error-text.ts";
import type { Logger } from "../../lib/logger.ts";
import type { SpanCounts } from "../../seam/data-plane.ts";

export interface SpanExporterParts {
  clock: Clock;
  logger: Logger;
  /** What a collector is sent, made of the spans. */
  format(spans: readonly string[]): string;
  /** Resolves to the status of the answer. */
  post(body: string, signal: AbortSignal): Promise<number>;
}

/** Sent again (OTLP/HTTP, retryable response codes); the others would be refused again. */
const retryable = new Set([429, 502, 503, 504]);

export class SpanExporter {
  readonly counts: SpanCounts = { exported: 0, dropped: 0 };
  readonly #parts: SpanExporterParts;
  #waiting: string[] = [];
  #waitingLength = 0;
  /** Until the next export. */
  #timer: Timer | null = null;
  #sending: Promise<void> | null = null;
  /** Exports that have failed in a row. */
  #failures = 0;

  constructor(parts: SpanExporterParts) {
    this.#parts = parts;
  }

  add(span: string): void {
    const isFull =
      this.#waiting.length >= spanLimits.maxWaiting ||
      this.#waitingLength + span.length > spanLimits.maxWaitingBytes;
    if (isFull) {
      this.counts.dropped++;
      return;
    }
    this.#waiting.push(span);
    this.#waitingLength += span.length;
    const isEnough = this.#waiting.length >= spanLimits.batchSize && this.#failures === 0;
    if (isEnough && this.#sending === null) this.#send();
    else this.#schedule(spanLimits.intervalMs);
  }

  /** Sends what waits, once, and takes no longer than that. */
  async close(patienceMs: number): Promise<void> {
    const timeUp = Promise.withResolvers<void>();
    const timer = this.#parts.clock.after(patienceMs, () => timeUp.resolve());
    await Promise.race([this.#flush(), timeUp.promise]);
    timer.cancel();
    this.#timer?.cancel();
  }

  async #flush(): Promise<void> {
    await this.#sending;
    while (this.#waiting.length > 0 && this.#failures === 0) {
      this.#send();
      await this.#sending;
    }
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== null || this.#sending !== null) return;
    this.#timer = this.#parts.clock.after(delayMs, () => this.#send());
  }

  #send(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const batch = this.#waiting.slice(0, spanLimits.batchSize);
    this.#sending = this.#export(batch).finally(() => {
      this.#sending = null;
      if (this.#waiting.length > 0) this.#schedule(this.#pauseMs());
    });
  }

  /** After a failure longer each time. */
  #pauseMs(): number {
    const { intervalMs, maxPauseMs } = spanLimits;
    if (this.#failures > 0) return Math.min(maxPauseMs, intervalMs * 2 ** this.#failures);
    return this.#waiting.length >= spanLimits.batchSize ? 0 : intervalMs;
  }

  async #export(batch: readonly string[]): Promise<void> {
    const fault = await this.#post(batch);
    if (fault !== null && fault.again) {
      this.#failures++;
      if (this.#failures === 1) {
        this.#parts.logger.warn("Unable to export spans", { error: fault.reason });
      }
      return;
    }
    this.#failures = 0;
    this.#waiting = this.#waiting.slice(batch.length);
    this.#waitingLength -= batch.reduce((sum, { length }) => sum + length, 0);
    if (fault === null) {
      this.counts.exported += batch.length;
      return;
    }
    this.counts.dropped += batch.length;
    this.#parts.logger.warn("Collector refused spans", {
      error: fault.reason,
      spans: batch.length,
    });
  }

  /** Null: they have arrived. */
  async #post(batch: readonly string[]): Promise<{ again: boolean; reason: string } | null> {
    const { clock, format, post } = this.#parts;
    const deadline = new AbortController();
    const timer = clock.after(spanLimits.timeoutMs, () =>
      deadline.abort(new Error("the collector did not answer in time")),
    );
    try {
      const status = await post(format(batch), deadline.signal);
      if (status >= 200 && status < 300) return null;
      return { again: retryable.has(status), reason: `the collector answered ${status}` };
    } catch (error) {
      return { again: true, reason: messageOf(error) };
    } finally {
      timer.cancel();
    }
  }
}
