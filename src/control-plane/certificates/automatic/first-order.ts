/**
 * Whether the first certificate of a name is ordered now. While a request for the name does not arrive here, an
 * order would only use up the failed validations that authorities allow (Let's Encrypt five an hour for each
 * name): after the first one that failed there is one an hour. What is seen from here may be wrong (another view of
 * the DNS, a router that does not lead back in), so nothing is held for ever.
 */
import { acmePreflightMemoryMs, acmeVainOrderIntervalMs } from "../../../config/limits.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import { AcmeError } from "../acme/acme-error.ts";
import type { PreflightReport, PreflightVerdict } from "./preflight-report.ts";

export type CheckPreflight = () => Promise<PreflightReport>;

export interface FirstOrderContext {
  name: string;
  clock: Clock;
  logger: Logger;
  /** Null: the name is proved in another way, or nobody wants it checked. */
  check: CheckPreflight | null;
}

const vain: ReadonlySet<PreflightVerdict> = new Set(["elsewhere", "closed", "nowhere"]);

export class FirstOrder {
  readonly #context: FirstOrderContext;
  #looking: { since: number; report: Promise<PreflightReport> } | null = null;
  #finding: string | null = null;
  /** Running time of the last order that was likely to be in vain. */
  #orderedMs: number | null = null;
  /** Since when the name has no address. */
  #nowhereSinceMs: number | null = null;
  #isAsked = false;

  constructor(context: FirstOrderContext) {
    this.#context = context;
  }

  /** What is wrong, as far as it was looked; null: nothing. */
  get finding(): string | null {
    return this.#finding;
  }

  /** Whoever asks at about the same time shares one look. Null: there is none. Never rejects. */
  async look(): Promise<PreflightReport | null> {
    const { check, clock } = this.#context;
    if (check === null) return null;
    const nowMs = clock.runningMs();
    if (this.#looking === null || nowMs - this.#looking.since > acmePreflightMemoryMs) {
      this.#looking = { since: nowMs, report: check() };
    }
    const report = await this.#looking.report;
    this.#tell(report.text);
    return report;
  }

  /** Somebody wants one more order, whatever is seen from here. */
  allowOne(): void {
    this.#isAsked = true;
  }

  /** Before the order: throws when it has to wait; else what was seen. */
  async begin(): Promise<PreflightReport | null> {
    const report = await this.look();
    const isAsked = this.#isAsked;
    this.#isAsked = false;
    if (report === null || !vain.has(report.verdict)) {
      this.#forget();
      return report;
    }
    const nowMs = this.#context.clock.runningMs();
    // No authority can reach what has no address: not even the first order is worth it.
    const isNowhere = report.verdict === "nowhere";
    this.#nowhereSinceMs = isNowhere ? (this.#nowhereSinceMs ?? nowMs) : null;
    const sinceMs = this.#orderedMs ?? this.#nowhereSinceMs;
    if (isAsked || sinceMs === null || nowMs - sinceMs >= acmeVainOrderIntervalMs) {
      this.#orderedMs = nowMs;
      return report;
    }
    throw new AcmeError("held", `nothing was ordered: ${report.text}`);
  }

  /** There is a certificate. */
  done(): void {
    this.#finding = null;
    this.#forget();
  }

  #forget(): void {
    this.#orderedMs = null;
    this.#nowhereSinceMs = null;
  }

  #tell(finding: string | null): void {
    if (finding === this.#finding) return;
    this.#finding = finding;
    if (finding === null) return;
    this.#context.logger.warn("A certificate authority may not reach this proxy", {
      host: this.#context.name,
      error: finding,
    });
  }
}
