/** The policies of one service, by what they have to do; made once for each of its snapshots. */
import type { ServiceSnapshot } from "../../../seam/snapshot.ts";
import type { LiveService } from "../../services/live-service.ts";
import type { Policy, PolicyContext, PolicyFactory } from "./policy.ts";

type Hook = Exclude<keyof Policy, "logName">;
type With<H extends Hook> = Policy & Required<Pick<Policy, H>>;

export class ServicePolicies {
  readonly onRequest: readonly With<"onRequest">[];
  readonly chooseTarget: readonly With<"chooseTarget">[];
  readonly onOutgoing: readonly With<"onOutgoing">[];
  /** The last of the list first: responses take the way back. */
  readonly onResponse: readonly With<"onResponse">[];
  readonly onSwitch: readonly With<"onSwitch">[];
  /** The first of the list is next to the client. */
  readonly wrapBody: readonly With<"wrapBody">[];
  readonly onAttempt: readonly With<"onAttempt">[];
  readonly onEnd: readonly With<"onEnd">[];

  constructor(policies: readonly Policy[]) {
    this.onRequest = having(policies, "onRequest");
    this.chooseTarget = having(policies, "chooseTarget");
    this.onOutgoing = having(policies, "onOutgoing");
    const wayBack = policies.toReversed();
    this.onResponse = having(wayBack, "onResponse");
    this.onSwitch = having(wayBack, "onSwitch");
    this.wrapBody = having(policies, "wrapBody");
    this.onAttempt = having(policies, "onAttempt");
    this.onEnd = having(policies, "onEnd");
  }
}

/** One for all who have none: it is in the processor's cache when many services are asked in turn. */
const none: never[] = [];

function having<H extends Hook>(policies: readonly Policy[], hook: H): With<H>[] {
  const found = policies.filter((policy): policy is With<H> => policy[hook] !== undefined);
  return found.length === 0 ? none : found;
}

interface Compiled {
  snapshot: ServiceSnapshot;
  /** By factory. */
  made: (Policy | null)[];
  policies: ServicePolicies;
}

export class PolicyCompiler {
  readonly #factories: readonly PolicyFactory[];
  readonly #context: PolicyContext;
  readonly #compiled = new WeakMap<LiveService, Compiled>();

  constructor(factories: readonly PolicyFactory[], context: PolicyContext) {
    this.#factories = factories;
    this.#context = context;
  }

  of(service: LiveService): ServicePolicies {
    const known = this.#compiled.get(service);
    if (known?.snapshot === service.snapshot) return known.policies;
    const made = this.#factories.map((make, index) =>
      make(service, this.#context, known?.made[index] ?? null),
    );
    const policies = new ServicePolicies(made.filter((policy) => policy !== null));
    this.#compiled.set(service, { snapshot: service.snapshot, made, policies });
    return policies;
  }
}
