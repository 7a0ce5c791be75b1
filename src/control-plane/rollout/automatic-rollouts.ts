/**
 * Rollouts that go on by themselves: raise the share step by step, take it back when the new targets do
 * worse, make them the active ones at the end. The step is saved, and where nobody follows it any more (the
 * client has gone, the proxy restarts or is upgraded) it stays as it is until somebody goes on.
 */
import { CommandError, failOn } from "../../config/command-error.ts";
import { rolloutLookIntervalMs } from "../../config/operator-limits.ts";
import { rolloutPlanFault } from "../../config/rollout-plan.ts";
import { sleep } from "../../lib/sleep.ts";
import { type GroupCounts, noCounts, type RolloutCounts } from "../../seam/group-counts.ts";
import type { ServiceMetrics } from "../../seam/service-metrics.ts";
import { type DeployedService, type PlannedRollout, rolloutSplit } from "../deployed-service.ts";
import { requireService, saveState, type ServiceCommandContext } from "../service-commands.ts";
import { type Report, waitForDrain } from "../socket/progress.ts";
import type { Warnings } from "../socket/protocol.ts";
import type { PassedStep, RolloutAutoCommand } from "../socket/rollout-protocol.ts";
import { RolloutStep } from "./rollout-step.ts";

export interface AutomaticRolloutContext extends ServiceCommandContext {
  /** Aborts when the proxy shuts down. */
  shutdown: AbortSignal;
  metrics(): Promise<ServiceMetrics[]>;
}

export class AutomaticRollouts {
  readonly #context: AutomaticRolloutContext;
  /** Names of services whose rollout somebody follows. */
  readonly #followed = new Set<string>();
  #freeze = new AbortController();

  constructor(context: AutomaticRolloutContext) {
    this.#context = context;
  }

  isFollowed(service: string): boolean {
    return this.#followed.has(service);
  }

  /** Those under way stay at their step; their commands end with the reason. */
  freeze(reason: string): void {
    this.#freeze.abort(new CommandError(reason));
    this.#freeze = new AbortController();
  }

  /** Resolves when the rollout is at its end; rejects with the reason when it is not. */
  async follow(
    command: RolloutAutoCommand,
    gone: AbortSignal,
    report: Report | undefined,
  ): Promise<Warnings> {
    const { service: name } = command;
    const { shutdown } = this.#context;
    const started = this.#begin(command);
    this.#followed.add(name);
    try {
      const signal = AbortSignal.any([gone, shutdown, this.#freeze.signal]);
      return await new FollowedRollout(name, started, this.#context, signal, report).run();
    } finally {
      this.#followed.delete(name);
    }
  }

  #begin({ service: name, plan }: RolloutAutoCommand): PlannedRollout {
    const service = requireService(this.#context.registry, name);
    if (service.rollout === null) throw new CommandError("rollout target not set");
    if (this.#followed.has(name)) {
      throw new CommandError(`the rollout of ${name} is followed by another command already`);
    }
    if (plan !== null) {
      failOn(rolloutPlanFault(plan));
      return { ...plan, step: 0 };
    }
    if (service.rolloutPlan !== null) return service.rolloutPlan;
    throw new CommandError(`there is no rollout of ${name} to continue`);
  }
}

class FollowedRollout {
  readonly #name: string;
  readonly #context: AutomaticRolloutContext;
  readonly #signal: AbortSignal;
  readonly #report: Report | undefined;
  readonly #passed: PassedStep[] = [];
  /** As it is in the registry, as long as nobody else has changed it. */
  #plan: PlannedRollout;
  /** Those that it began with. */
  readonly #active: DeployedService["active"];
  readonly #rollout: DeployedService["rollout"];
  #reference: GroupCounts | null = null;

  constructor(
    name: string,
    plan: PlannedRollout,
    context: AutomaticRolloutContext,
    signal: AbortSignal,
    report: Report | undefined,
  ) {
    const { active, rollout } = requireService(context.registry, name);
    this.#name = name;
    this.#plan = plan;
    this.#context = context;
    this.#signal = signal;
    this.#report = report;
    this.#active = active;
    this.#rollout = rollout;
  }

  async run(): Promise<Warnings> {
    const { logger } = this.#context;
    const { steps, step: first, promote } = this.#plan;
    const warnings: string[] = [];
    for (let step = first; step < steps.length; step++) {
      warnings.push(...(await this.#raise(step)));
      try {
        await this.#watch(step);
      } catch (error) {
        if (this.#signal.aborted) {
          logger.info("Rollout stays at its step", {
            service: this.#name,
            percentage: steps[step],
          });
        }
        throw error;
      }
    }
    warnings.push(...(promote ? await this.#promote() : await this.#finish()));
    return warnings;
  }

  async #raise(step: number): Promise<Warnings> {
    const { registry, logger } = this.#context;
    const service = step === this.#plan.step ? requireService(registry, this.#name) : this.#ours();
    const percentage = this.#plan.steps[step]!;
    this.#plan = { ...this.#plan, step };
    this.#set(service, { rolloutSplit: this.#split(service, percentage), rolloutPlan: this.#plan });
    logger.info("Raised rollout", { service: this.#name, percentage });
    return await saveState(this.#context);
  }

  /** Resolves when the step has shown nothing bad; rejects when it has, or something has come between. */
  async #watch(index: number): Promise<void> {
    const { clock } = this.#context;
    const percentage = this.#plan.steps[index]!;
    const step = new RolloutStep(
      this.#plan,
      await this.#counts(),
      clock.runningMs(),
      this.#reference,
    );
    for (;;) {
      this.#tell(step, index);
      await sleep(clock, Math.min(rolloutLookIntervalMs, this.#plan.everyMs), this.#signal);
      this.#ours();
      const verdict = step.look(await this.#counts(), clock.runningMs());
      this.#ours();
      if (verdict.kind === "worse") await this.#takeBack(percentage, verdict.reason);
      if (verdict.kind === "doubtful") this.#tellDoubt(percentage, verdict.reason);
      if (verdict.kind !== "well") continue;
      this.#reference = step.reference;
      this.#passed.push({ percentage, ...step.figures });
      this.#tell(step, index);
      return;
    }
  }

  #tellDoubt(percentage: number, reason: string): void {
    const fields = { service: this.#name, percentage, reason };
    this.#context.logger.info("Rollout is watched for longer", fields);
  }

  async #takeBack(percentage: number, reason: string): Promise<never> {
    const { logger } = this.#context;
    const service = this.#ours();
    this.#set(service, { rolloutSplit: this.#split(service, 0), rolloutPlan: null });
    logger.warn("Took rollout back", { service: this.#name, percentage, reason });
    await saveState(this.#context);
    throw new CommandError(
      `the rollout of ${this.#name} was taken back from ${percentage}% to 0%: ${reason}`,
    );
  }

  /** Its targets serve everybody, and nobody is left to whom they would be compared. */
  async #promote(): Promise<Warnings> {
    const { logger } = this.#context;
    const { active, rollout, ...service } = this.#ours();
    this.#set(
      { ...service, active: rollout!, rollout: null },
      { rolloutSplit: null, rolloutPlan: null },
    );
    logger.info("Promoted rollout", { service: this.#name, targets: rollout!.addresses(false) });
    active.stop();
    const warnings = await saveState(this.#context);
    await waitForDrain(active.ids, this.#plan.drainTimeoutMs, this.#context, this.#report);
    return warnings;
  }

  async #finish(): Promise<Warnings> {
    this.#set(this.#ours(), { rolloutPlan: null });
    this.#context.logger.info("Rollout is complete", { service: this.#name });
    return await saveState(this.#context);
  }

  /** The service, as long as it is the one whose rollout this is; throws what has come between. */
  #ours(): DeployedService {
    const { registry } = this.#context;
    const service = registry.get(this.#name);
    if (service?.rolloutPlan === this.#plan) return service;
    const rest = `the rollout of ${this.#name} goes on no further`;
    if (service === undefined) throw new CommandError(`${rest}: the service was removed`);
    const what =
      service.active !== this.#active
        ? "a deploy has replaced the targets that it was compared with"
        : service.rollout !== this.#rollout
          ? "another rollout deploy has replaced its targets"
          : "rollout set or rollout stop has changed its share";
    throw new CommandError(`${rest}: ${what}`);
  }

  #set(service: DeployedService, changes: Partial<DeployedService>): void {
    this.#context.registry.set({ ...service, ...changes });
  }

  /** Whoever was on the list stays there. */
  #split(
    { rolloutSplit: split }: DeployedService,
    percentage: number,
  ): DeployedService["rolloutSplit"] {
    return rolloutSplit(percentage, split?.allowlist ?? []);
  }

  async #counts(): Promise<RolloutCounts> {
    const metrics = await this.#context.metrics();
    const groups = metrics.find(({ service }) => service === this.#name)?.groups;
    return groups ?? { rollout: noCounts(), active: noCounts() };
  }

  #tell(step: RolloutStep, index: number): void {
    this.#report?.({
      waiting_for: "rollout",
      remaining_ms: step.remainingMs(this.#context.clock.runningMs()),
      steps: this.#plan.steps,
      step: index,
      min_requests: this.#plan.minRequests,
      promotes: this.#plan.promote,
      doubt: step.doubt,
      ...step.figures,
      passed: this.#passed,
    });
  }
}
