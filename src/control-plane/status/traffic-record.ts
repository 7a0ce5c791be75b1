/**
 * What the status page shows of requests: the last hour of the whole proxy and of each service, and the rates of
 * the last seconds. It is fed with the counts of all workers, which only grow, so that nobody who serves has to
 * do anything for it.
 */
import { statusLimits } from "../../config/operator-limits.ts";
import { percentile } from "../../lib/percentile.ts";
import { durationBuckets, type ServiceMetrics } from "../../seam/service-metrics.ts";
import { type FigurePoints, FigureRing } from "./figure-ring.ts";

/** Of each point and of the rates, in this order. Rates are a second; durations are in milliseconds. */
export const figureNames = [
  "status2xx",
  "status3xx",
  "status4xx",
  "status5xx",
  "p50Ms",
  "p95Ms",
  "p99Ms",
  "inFlight",
  "bytes",
] as const;

export type Figures = (number | null)[];

interface Counts {
  /** Of 2xx and what is none of the others, 3xx, 4xx, 5xx. */
  classes: number[];
  buckets: number[];
  bytes: number;
}

interface Change extends Counts {
  ms: number;
  inFlight: number;
}

class ServiceRecord {
  /** The newest last. */
  readonly window: Change[] = [];
  readonly ring: FigureRing | null;
  before: Counts;
  #pending: Change = noChange();

  constructor(before: Counts, ring: FigureRing | null) {
    this.before = before;
    this.ring = ring;
  }

  add(change: Change, wallMs: number): void {
    this.window.push(change);
    if (this.window.length > statusLimits.windowSamples) this.window.shift();
    if (this.ring === null) return;
    this.#pending = averaged([this.#pending, change]);
    if (this.#pending.ms < statusLimits.servicePointMs) return;
    this.ring.add(wallMs, figuresOf(this.#pending));
    this.#pending = noChange();
  }
}

export class TrafficRecord {
  readonly #services = new Map<string, ServiceRecord>();
  readonly #ring = new FigureRing(statusLimits.proxyPoints, figureNames.length);
  readonly #window: Change[] = [];
  #lastMs: number | null = null;
  #newest: Figures | null = null;

  /** `nowMs` is monotonic, `wallMs` in milliseconds since 1970. */
  add(metrics: readonly ServiceMetrics[], nowMs: number, wallMs: number): void {
    const ms = this.#lastMs === null ? 0 : nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    const changes = metrics.map((each) => {
      const counts = countsOf(each);
      // What is seen for the first time was counted meanwhile, but for the first time of all.
      const record = this.#recordOf(each.service, ms > 0 ? noCounts() : counts);
      const change = { ...difference(counts, record.before), ms, inFlight: each.inFlight };
      record.before = counts;
      if (ms > 0) record.add(change, wallMs);
      return change;
    });
    this.#forgetOthers(metrics);
    if (ms <= 0) return;
    const change = { ...sum(changes), ms };
    this.#window.push(change);
    if (this.#window.length > statusLimits.windowSamples) this.#window.shift();
    this.#newest = figuresOf(change);
    this.#ring.add(wallMs, this.#newest);
  }

  /** The last point of the whole proxy; null: there is none yet. */
  get newest(): Figures | null {
    return this.#newest;
  }

  /** Of the last seconds. */
  rates(): { all: Figures; services: Record<string, Figures> } {
    const services: Record<string, Figures> = {};
    for (const [name, { window }] of this.#services) services[name] = figuresOf(averaged(window));
    return { all: figuresOf(averaged(this.#window)), services };
  }

  /** Null: the whole proxy. Of a service that is not there, or one too many, no points. */
  history(service: string | null): FigurePoints {
    if (service === null) return this.#ring.points();
    const ring = this.#services.get(service)?.ring ?? new FigureRing(0, figureNames.length);
    return ring.points();
  }

  #recordOf(service: string, before: Counts): ServiceRecord {
    let record = this.#services.get(service);
    if (record === undefined) {
      const withRing = [...this.#services.values()].filter(({ ring }) => ring !== null).length;
      const { recordedServices, servicePoints } = statusLimits;
      const ring =
        withRing < recordedServices ? new FigureRing(servicePoints, figureNames.length) : null;
      record = new ServiceRecord(before, ring);
      this.#services.set(service, record);
    }
    return record;
  }

  #forgetOthers(metrics: readonly ServiceMetrics[]): void {
    if (metrics.length === this.#services.size) return;
    const names = new Set(metrics.map(({ service }) => service));
    for (const name of this.#services.keys()) {
      if (!names.has(name)) this.#services.delete(name);
    }
  }
}

function countsOf({ series }: ServiceMetrics): Counts {
  const counts = noCounts();
  for (const { status, count, bodyBytes, buckets } of series) {
    const at = "2345".indexOf(status[0] ?? "");
    counts.classes[Math.max(0, at)]! += count;
    counts.bytes += bodyBytes;
    for (let i = 0; i < buckets.length; i++) counts.buckets[i]! += buckets[i]!;
  }
  return counts;
}

function noCounts(): Counts {
  return { classes: [0, 0, 0, 0], buckets: durationBuckets.map(() => 0).concat(0), bytes: 0 };
}

function noChange(): Change {
  return { ...noCounts(), ms: 0, inFlight: 0 };
}

function grown(value: number, than: number): number {
  return Math.max(0, value - than);
}

/** Nothing falls: a service that was removed and came back counts from the beginning. */
function difference(now: Counts, before: Counts): Counts {
  return {
    classes: now.classes.map((value, i) => grown(value, before.classes[i]!)),
    buckets: now.buckets.map((value, i) => grown(value, before.buckets[i]!)),
    bytes: grown(now.bytes, before.bytes),
  };
}

/** Of what happened at once; for what followed each other see `averaged`. */
function sum(changes: readonly Change[]): Change {
  const total = noChange();
  for (const { classes, buckets, bytes, inFlight, ms } of changes) {
    for (let i = 0; i < classes.length; i++) total.classes[i]! += classes[i]!;
    for (let i = 0; i < buckets.length; i++) total.buckets[i]! += buckets[i]!;
    total.bytes += bytes;
    total.inFlight += inFlight;
    total.ms += ms;
  }
  return total;
}

/** Of what followed each other: what is under way is as it was last. */
function averaged(window: readonly Change[]): Change {
  return { ...sum(window), inFlight: window.at(-1)?.inFlight ?? 0 };
}

function figuresOf({ classes, buckets, bytes, ms, inFlight }: Change): Figures {
  const rate = (count: number): number => (ms > 0 ? (count * 1_000) / ms : 0);
  const latency = (share: number): number | null => {
    const found = percentile(buckets, durationBuckets, share);
    return found === null || typeof found === "number" ? found : found.aboveMs;
  };
  return [...classes.map(rate), latency(0.5), latency(0.95), latency(0.99), inFlight, rate(bytes)];
}
