/** The requests under way on one target, and how they are brought to an end. */
import type { Clock, Timer } from "../../lib/clock.ts";
import { type ListMember, MemberList } from "../../lib/member-list.ts";

export interface InFlightRequest extends ListMember {
  /** The connection was handed over (101): it would go on for ever. */
  readonly isTunnel: boolean;
  /** A drain ends the request; it must call `end` sooner or later, as always. */
  cancel(): void;
}

/** One for all targets: it is in the processor's cache when many are asked in turn. */
const noDrains: readonly Drain[] = [];

export class InFlightRequests {
  readonly #clock: Clock;
  readonly #requests = new MemberList<InFlightRequest>();
  #drains: readonly Drain[] = noDrains;
  #finishedCount = 0;
  /** Called when the last one ends. */
  onIdle: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#requests.size;
  }

  /** Requests that have ended so far. */
  get finishedCount(): number {
    return this.#finishedCount;
  }

  begin(request: InFlightRequest): void {
    this.#requests.add(request);
  }

  end(request: InFlightRequest): void {
    if (!this.#requests.delete(request)) return;
    this.#finishedCount++;
    for (const drain of this.#drains) drain.remove(request);
    if (this.#requests.size === 0) this.onIdle?.();
  }

  /** The request has become a tunnel: a drain that waits for it stops waiting, and ends it. */
  upgraded(request: InFlightRequest): void {
    for (const drain of this.#drains) {
      if (drain.remove(request)) request.cancel();
    }
  }

  /**
   * Resolves when the requests that are under way now have ended or were cancelled: tunnels at
   * once, the others after `timeoutMs`. Later requests are not touched.
   */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#requests.size === 0) return;
    const drain = new Drain(this.#requests.members());
    this.#drains = [...this.#drains, drain];
    try {
      await drain.run(this.#clock, timeoutMs);
    } finally {
      this.#drains =
        this.#drains.length === 1 ? noDrains : this.#drains.filter((each) => each !== drain);
    }
  }
}

class Drain {
  readonly #waitingFor: Set<InFlightRequest>;
  readonly #finished = Promise.withResolvers<void>();
  #timer: Timer | null = null;

  constructor(requests: readonly InFlightRequest[]) {
    this.#waitingFor = new Set(requests);
  }

  run(clock: Clock, timeoutMs: number): Promise<void> {
    this.#cancel((request) => request.isTunnel);
    if (timeoutMs <= 0) this.#cancel(() => true);
    else if (this.#waitingFor.size > 0) {
      this.#timer = clock.after(timeoutMs, () => this.#cancel(() => true));
    }
    return this.#finished.promise;
  }

  /** True when it was waited for. */
  remove(request: InFlightRequest): boolean {
    const removed = this.#waitingFor.delete(request);
    if (removed && this.#waitingFor.size === 0) this.#finish();
    return removed;
  }

  /** Cancelled requests are not waited for. */
  #cancel(matches: (request: InFlightRequest) => boolean): void {
    const requests = [...this.#waitingFor];
    for (const request of requests) {
      // Ending one may end another.
      if (!matches(request) || !this.#waitingFor.has(request)) continue;
      this.remove(request);
      request.cancel();
    }
  }

  #finish(): void {
    this.#timer?.cancel();
    this.#finished.resolve();
  }
}
