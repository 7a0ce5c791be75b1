/** The targets that were deployed together: their health, the checks on them, waiting for them. */
import { CommandError } from "../../config/command-error.ts";
import type { TargetOptions } from "../../config/options.ts";
import { areAlike } from "../../config/setting-layers.ts";
import type { PoolSnapshot } from "../../seam/snapshot.ts";
import { type TargetAddress, weightsOf } from "../../config/target-address.ts";
import type { Clock } from "../../lib/clock.ts";
import { formatDuration } from "../../go/duration.ts";
import type { Logger } from "../../lib/logger.ts";
import { HealthCheck } from "./health-check.ts";
import { healthEndpoint } from "./health-endpoint.ts";
import type { Probe, ProbeResult } from "./health-probe.ts";
import { type HealthState, nextHealthState } from "./health-state.ts";

/** What groups are made with; the same for all of them. */
export interface GroupContext {
  clock: Clock;
  logger: Logger;
  probe: Probe;
  /** Unique as long as the data plane lives. */
  nextTargetId: () => string;
  /** A target went in or out: resolves when that is served; null when the group serves nobody. */
  healthChanged: (
    group: TargetGroup,
    target: GroupTarget,
    was: HealthState,
  ) => Promise<void> | null;
}

export interface GroupTarget {
  readonly id: string;
  readonly address: TargetAddress;
  readonly readOnly: boolean;
  readonly state: HealthState;
  /** Why the last check failed; null when it passed or none has ended yet. */
  readonly lastError: string | null;
}

/** What the executable before has known of a target. */
export interface HandedTarget {
  address: string;
  id: string;
  state: HealthState;
  lastError: string | null;
}

interface CheckedTarget extends GroupTarget {
  id: string;
  state: HealthState;
  lastError: string | null;
  check: HealthCheck;
}

export class TargetGroup {
  #targetOptions: TargetOptions;
  readonly #targets: CheckedTarget[];
  readonly #context: GroupContext;
  #snapshot: PoolSnapshot | null = null;
  readonly #waiting = new Set<{ healthy: () => void; checked: () => void }>();

  /** Nothing is checked before `start`. */
  constructor(
    writers: TargetAddress[],
    readers: TargetAddress[],
    targetOptions: TargetOptions,
    context: GroupContext,
  ) {
    const given = weightsOf([...writers, ...readers]);
    // After a restart the addresses come without their weights.
    const targetWeights = given.length > 0 ? given : targetOptions.targetWeights;
    this.#targetOptions = { ...targetOptions, targetWeights };
    this.#context = context;
    this.#targets = [
      ...writers.map((address) => this.#createTarget(address, false)),
      ...readers.map((address) => this.#createTarget(address, true)),
    ];
  }

  get targetOptions(): TargetOptions {
    return this.#targetOptions;
  }

  get targets(): readonly GroupTarget[] {
    return this.#targets;
  }

  get ids(): string[] {
    return this.#targets.map((target) => target.id);
  }

  get allHealthy(): boolean {
    return this.#targets.every((target) => target.state === "healthy");
  }

  addresses(readOnly: boolean): string[] {
    return this.#targets
      .filter((target) => target.readOnly === readOnly)
      .map((target) => target.address.address);
  }

  /** A single target that is healthy is not checked: taking it out would not help anybody. */
  start(): void {
    for (const target of this.#targets) {
      if (!this.#settled) target.check.start();
    }
  }

  stop(): void {
    for (const target of this.#targets) target.check.stop();
  }

  /** Other options for the same targets; with another health check they are asked in the new way from now on. */
  configure(targetOptions: TargetOptions): void {
    const before = this.#targetOptions.healthCheck;
    const { targetWeights } = this.#targetOptions;
    this.#targetOptions = { ...targetOptions, targetWeights };
    this.#snapshot = null;
    if (areAlike(before, targetOptions.healthCheck)) return;
    for (const target of this.#targets) {
      target.check.stop();
      target.check = this.#createCheck(target.address, (url, result) =>
        this.#checked(target, url, result),
      );
      if (!this.#settled) target.check.start();
    }
  }

  /** For targets that are known to have served before, as after a restart. */
  assumeHealthy(): void {
    for (const target of this.#targets) target.state = "healthy";
    this.#snapshot = null;
  }

  /** Goes on with the same targets, as the executable before knew them. */
  takeOver(handed: readonly HandedTarget[]): void {
    for (const [i, target] of this.#targets.entries()) {
      const known = handed[i];
      if (known?.address !== target.address.address) continue;
      target.id = known.id;
      target.state = known.state;
      target.lastError = known.lastError;
    }
    this.#snapshot = null;
  }

  handOver(): HandedTarget[] {
    return this.#targets.map(({ address, id, state, lastError }) => {
      return { address: address.address, id, state, lastError };
    });
  }

  /**
   * Throws a CommandError at the deadline, or the signal's reason when it aborts.
   * `onChecked` is called after each check meanwhile.
   */
  async waitUntilHealthy(
    timeoutMs: number,
    signal: AbortSignal,
    onChecked: () => void = () => {},
  ): Promise<void> {
    signal.throwIfAborted();
    if (this.allHealthy) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(signal.reason);
    const deadline = this.#context.clock.after(Math.max(0, timeoutMs), () =>
      reject(new CommandError(this.#timeoutText(timeoutMs))),
    );
    const waiter = { healthy: resolve, checked: onChecked };
    this.#waiting.add(waiter);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      deadline.cancel();
      this.#waiting.delete(waiter);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** The same value as long as no target has gone in or out. */
  snapshot(): PoolSnapshot {
    this.#snapshot ??= {
      targets: this.#targets.map(({ id, address, readOnly, state }) => ({
        id,
        address: address.address,
        host: address.host,
        port: address.port,
        readOnly,
        healthy: state === "healthy",
      })),
      targetOptions: this.targetOptions,
    };
    return this.#snapshot;
  }

  get #settled(): boolean {
    return this.#targets.length === 1 && this.allHealthy;
  }

  #createTarget(address: TargetAddress, readOnly: boolean): CheckedTarget {
    const target: CheckedTarget = {
      id: this.#context.nextTargetId(),
      address,
      readOnly,
      state: "adding",
      lastError: null,
      check: this.#createCheck(address, (url, result) => this.#checked(target, url, result)),
    };
    return target;
  }

  #createCheck(
    address: TargetAddress,
    checked: (url: string, result: ProbeResult) => void,
  ): HealthCheck {
    const { clock, probe } = this.#context;
    const options = this.#targetOptions.healthCheck;
    const endpoint = healthEndpoint(address, options);
    const onResult = (result: ProbeResult): void => checked(endpoint.url, result);
    return new HealthCheck({ endpoint, options, clock, probe, onResult });
  }

  #checked(target: CheckedTarget, url: string, result: ProbeResult): void {
    const { logger, healthChanged } = this.#context;
    if (!result.healthy) logger.info("Healthcheck failed", { url, error: result.error });
    target.lastError = result.healthy ? null : result.reason;
    const was = target.state;
    target.state = nextHealthState(was, result.healthy);
    if (target.state !== was) this.#snapshot = null;
    for (const { checked } of this.#waiting) checked();
    if (target.state === was) return;
    const { state } = target;
    const report = (): void => {
      logger.info("Target health updated", { target: target.address.address, state, was });
    };
    const served = healthChanged(this, target, was);
    // Whoever reads of it can rely on it.
    if (served === null) report();
    else void served.then(report);
    if (this.#settled) this.stop();
    if (this.allHealthy) for (const { healthy } of this.#waiting) healthy();
  }

  #timeoutText(timeoutMs: number): string {
    const reasons = this.#targets
      .filter((target) => target.state !== "healthy")
      .map((target) => `${target.address.address} ${target.lastError ?? "did not answer in time"}`);
    const text = `target failed to become healthy within configured timeout (${formatDuration(timeoutMs)})`;
    return `${text}: ${reasons.join("; ")}`;
  }
}
