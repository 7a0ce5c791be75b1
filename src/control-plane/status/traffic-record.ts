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

/** Of all that is kept, to go on with elsewhere. `service`: null for the whole proxy. */
export interface PackedTraffic {
  service: string | null;
  points: string;
}

interface Counts {
  /** Changes with everything else. */
  requests: number;
  /** Of 2xx and what is none of the others, 3xx, 4xx, 5xx. */
  classes: number[];
  buckets: number[];
  bytes: number;
}

/** `counts`: null where nothing was counted, as of most services in most seconds. */
interface Change {
  counts: Counts | null;
  ms: number;
  inFlight: number;
}

class ServiceRecord {
  /** The newest last. */
  readonly window: Change[] = [];
  readonly ring: FigureRing | null;
  #before: Counts;
  #pending: Change = noChange;

  constructor(before: Counts, ring: FigureRing | null) {
    this.#before = before;
    this.ring = ring;
  }

  /** Nothing falls: a service that was removed and came back counts from the beginning. */
  change(metrics: ServiceMetrics, ms: number): Change {
    const { inFlight } = metrics;
    if (requestsOf(metrics) === this.#before.requests) return { counts: null, ms, inFlight };
    const now = countsOf(metrics);
    const counts = difference(now, this.#before);
    this.#before = now;
    return { counts, ms, inFlight };
  }

  add(change: Change, wallMs: number): void {
    this.window.push(change);
    if (this.window.length > statusLimits.windowSamples) this.window.shift();
    if (this.ring === null) return;
    this.#pending = averaged([this.#pending, change]);
    if (this.#pending.ms < statusLimits.servicePointMs) return;
    this.ring.add(wallMs, figuresOf(this.#pending));
    this.#pending = noChange;
  }

  get isIdle(): boolean {
    return this.window.every(({ counts, inFlight }) => counts === null && inFlight === 0);
  }
}

export class TrafficRecord {
  readonly #services = new Map<string, ServiceRecord>();
  readonly #ring = new FigureRing(statusLimits.proxyPoints, figureNames.length);
  /** Services that have one. */
  #rings = 0;
  readonly #window: Change[] = [];
  #lastMs: number | null = null;
  #newest: Figures | null = null;

  /** `nowMs` is monotonic, `wallMs` in milliseconds since 1970. */
  add(metrics: readonly ServiceMetrics[], nowMs: number, wallMs: number): void {
    const ms = this.#lastMs === null ? 0 : nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    this.#forgetOthers(metrics);
    const changes = metrics.map((each) => {
      // What is seen for the first time was counted meanwhile, but for the first time of all.
      const record = this.#recordOf(each.service, () => (ms > 0 ? noCounts() : countsOf(each)));
      const change = record.change(each, ms);
      if (ms > 0) record.add(change, wallMs);
      return change;
    });
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

  /** Of the last seconds; services without requests are left out. */
  rates(): { all: Figures; services: Record<string, Figures> } {
    const services: Record<string, Figures> = {};
    for (const [name, record] of this.#services) {
      if (!record.isIdle) services[name] = figuresOf(averaged(record.window));
    }
    return { all: figuresOf(averaged(this.#window)), services };
  }

  /** Null: the whole proxy. Of a service that is not there, or one too many, no points. */
  history(service: string | null): FigurePoints {
    if (service === null) return this.#ring.points();
    const ring = this.#services.get(service)?.ring ?? new FigureRing(0, figureNames.length);
    return ring.points();
  }

  /** For the executable that takes the place of this one. */
  packed(): PackedTraffic[] {
    const services = [...this.#services].flatMap(([service, { ring }]) =>
      ring === null ? [] : [{ service, points: ring.packed() }],
    );
    return [{ service: null, points: this.#ring.packed() }, ...services];
  }

  /** To be called before anything is added. */
  takeOver(traffic: readonly PackedTraffic[]): void {
    for (const { service, points } of traffic) {
      const ring = service === null ? this.#ring : this.#recordOf(service, noCounts).ring;
      ring?.fill(points);
    }
  }

  #recordOf(service: string, before: () => Counts): ServiceRecord {
    let record = this.#services.get(service);
    if (record === undefined) {
      const { recordedServices, servicePoints } = statusLimits;
      const hasRing = this.#rings < recordedServices;
      const ring = hasRing ? new FigureRing(servicePoints, figureNames.length) : null;
      if (hasRing) this.#rings++;
      record = new ServiceRecord(before(), ring);
      this.#services.set(service, record);
    }
    return record;
  }

  #forgetOthers(metrics: readonly ServiceMetrics[]): void {
    const names = new Set(metrics.map(({ service }) => service));
    for (const [name, { ring }] of this.#services) {
      if (names.has(name)) continue;
      this.#services.delete(name);
      if (ring !== null) this.#rings--;
    }
  }
}

function requestsOf({ series }: ServiceMetrics): number {
  let requests = 0;
  for (const { count } of series) requests += count;
  return requests;
}

function countsOf(metrics: ServiceMetrics): Counts {
  const counts = { ...noCounts(), requests: requestsOf(metrics) };
  for (const { status, count, bodyBytes, buckets } of metrics.series) {
    const at = "2345".indexOf(status[0] ?? "");
    counts.classes[Math.max(0, at)]! += count;
    counts.bytes += bodyBytes;
    for (let i = 0; i < buckets.length; i++) counts.buckets[i]! += buckets[i]!;
  }
  return counts;
}

function noCounts(): Counts {
  const buckets = durationBuckets.map(() => 0).concat(0);
  return { requests: 0, classes: [0, 0, 0, 0], buckets, bytes: 0 };
}

const noChange: Change = { counts: null, ms: 0, inFlight: 0 };

function grown(value: number, than: number): number {
  return Math.max(0, value - than);
}

function difference(now: Counts, before: Counts): Counts {
  return {
    requests: grown(now.requests, before.requests),
    classes: now.classes.map((value, i) => grown(value, before.classes[i]!)),
    buckets: now.buckets.map((value, i) => grown(value, before.buckets[i]!)),
    bytes: grown(now.bytes, before.bytes),
  };
}

/** Of what happened at once; for what followed each other see `averaged`. */
function sum(changes: readonly Change[]): Change {
  const total = { ...noChange };
  for (const { counts, inFlight, ms } of changes) {
    total.inFlight += inFlight;
    total.ms += ms;
    if (counts === null) continue;
    total.counts ??= noCounts();
    const { classes, buckets } = counts;
    total.counts.bytes += counts.bytes;
    for (let i = 0; i < classes.length; i++) total.counts.classes[i]! += classes[i]!;
    for (let i = 0; i < buckets.length; i++) total.counts.buckets[i]! += buckets[i]!;
  }
  return total;
}

/** Of what followed each other: what is under way is as it was last. */
function averaged(window: readonly Change[]): Change {
  return { ...sum(window), inFlight: window.at(-1)?.inFlight ?? 0 };
}

function figuresOf({ counts, ms, inFlight }: Change): Figures {
  const { classes, buckets, bytes } = counts ?? noCounts();
  const rate = (count: number): number => (ms > 0 ? (count * 1_000) / ms : 0);
  const latency = (share: number): number | null => {
    const found = percentile(buckets, durationBuckets, share);
    return found === null || typeof found === "number" ? found : found.aboveMs;
  };
  return [...classes.map(rate), latency(0.5), latency(0.95), latency(0.99), inFlight, rate(bytes)];
}
