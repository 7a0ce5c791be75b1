/** Checks one target's health: at once, then at each interval, never two at a time, until stopped. */
import { minHealthCheckIntervalMs } from "../../config/limits.ts";
import type { HealthCheckOptions } from "../../config/options.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { formatDuration } from "../../go/duration.ts";
import { messageOf } from "../../lib/error-text.ts";
import type { HealthEndpoint } from "./health-endpoint.ts";
import type { Probe, ProbeResult } from "./health-probe.ts";

export interface HealthCheckSettings {
  endpoint: HealthEndpoint;
  options: Pick<HealthCheckOptions, "intervalMs" | "timeoutMs">;
  clock: Clock;
  probe: Probe;
  onResult: (result: ProbeResult) => void;
}

export class HealthCheck {
  readonly #settings: HealthCheckSettings;
  #running = false;
  #timer: Timer | null = null;
  #current: AbortController | null = null;

  constructor(settings: HealthCheckSettings) {
    this.#settings = settings;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#check();
  }

  /** No result is reported after this, also not that of a check under way. */
  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
    this.#timer = null;
    this.#current?.abort();
    this.#current = null;
  }

  #check(): void {
    const { clock, endpoint, probe, options } = this.#settings;
    const startedMs = clock.runningMs();
    const controller = new AbortController();
    this.#current = controller;
    const timedOut = new Error("request timed out");
    this.#timer = clock.after(Math.max(0, options.timeoutMs), () => controller.abort(timedOut));
    // Without any time the check fails; it does not race its own timer.
    const result =
      options.timeoutMs > 0 ? probe(endpoint, controller.signal) : Promise.reject(timedOut);
    result.then(
      (result) => this.#finish(controller, startedMs, result),
      (error: unknown) =>
        this.#finish(controller, startedMs, error === timedOut ? this.#timedOut() : thrown(error)),
    );
  }

  #finish(controller: AbortController, startedMs: number, result: ProbeResult): void {
    if (this.#current !== controller) return;
    this.#current = null;
    this.#timer?.cancel();
    const { clock, options, onResult } = this.#settings;
    const intervalMs = Math.max(minHealthCheckIntervalMs, options.intervalMs);
    const delayMs = Math.max(0, startedMs + intervalMs - clock.runningMs());
    this.#timer = clock.after(delayMs, () => this.#check());
    onResult(result);
  }

  #timedOut(): ProbeResult {
    const { endpoint, options } = this.#settings;
    return {
      healthy: false,
      error: "request timed out",
      reason: `did not answer on ${endpoint.path} within ${formatDuration(options.timeoutMs)}`,
    };
  }
}

function thrown(error: unknown): ProbeResult {
  const text = messageOf(error);
  return { healthy: false, error: text, reason: text };
}
