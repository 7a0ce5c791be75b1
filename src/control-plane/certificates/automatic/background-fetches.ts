/** Gets the certificates of new deploys ahead of their visitors, a few at a time. */
import { acmeBackgroundDelayMs, maxBackgroundOrders } from "../../../config/limits.ts";
import type { ServiceSnapshot } from "../../../seam/snapshot.ts";
import type { Clock, Timer } from "../../../lib/clock.ts";
import { ConcurrencyLimit } from "../../../lib/concurrency-limit.ts";
import type { AutomaticCertificate } from "./automatic-certificate.ts";

interface Deployment {
  service: ServiceSnapshot;
  deployment: string;
}

export class BackgroundFetches {
  readonly #clock: Clock;
  readonly #limit = new ConcurrencyLimit(maxBackgroundOrders);
  readonly #timers = new Set<Timer>();
  /** What was deployed last, by service. */
  #deployments = new Map<string, Deployment>();
  #restoring: boolean;
  #closed = false;

  constructor(clock: Clock, restoring: boolean) {
    this.#clock = clock;
    this.#restoring = restoring;
  }

  /** Services come from the last run. */
  get restoring(): boolean {
    return this.#restoring;
  }

  /**
   * From now on new services are deploys. Until then none is: at each restart a name that can't be
   * validated would cost orders, of which authorities allow a few an hour.
   */
  restored(): void {
    this.#restoring = false;
  }

  /** Those that were not yet there at the last call as they are now. */
  newOf(services: Iterable<ServiceSnapshot>): ServiceSnapshot[] {
    const found: ServiceSnapshot[] = [];
    const next = new Map<string, Deployment>();
    for (const service of services) {
      const known = this.#deployments.get(service.name);
      // A service that nothing happened to is the same value.
      const deployment = known?.service === service ? known.deployment : deploymentOf(service);
      next.set(service.name, { service, deployment });
      if (known?.deployment !== deployment) found.push(service);
    }
    this.#deployments = next;
    return found;
  }

  /** Begins in a moment, and waits for nothing. */
  start(
    certificates: readonly AutomaticCertificate[],
    isWanted: (certificate: AutomaticCertificate) => boolean,
  ): void {
    if (certificates.length === 0) return;
    const mayOrder = !this.#restoring;
    const timer = this.#clock.after(acmeBackgroundDelayMs, () => {
      this.#timers.delete(timer);
      for (const certificate of certificates) {
        void this.#limit.run(async () => {
          if (this.#closed || !isWanted(certificate)) return;
          await (mayOrder ? certificate.fetchInBackground() : certificate.load());
        });
      }
    });
    this.#timers.add(timer);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}

/** Each deploy has targets of its own; health and pause leave them as they are. */
function deploymentOf({ active, options }: ServiceSnapshot): string {
  return JSON.stringify([active.targets.map(({ id }) => id), options]);
}
