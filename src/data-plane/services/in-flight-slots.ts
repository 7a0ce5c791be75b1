/** Places for requests that may be under way at once, and a queue of those that wait for one, in order. */
import { maxQueuedRequests } from "../../config/access-limits.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { type ListMember, MemberList } from "../../lib/member-list.ts";

export type SlotOutcome = "entered" | "expired";

interface WaitingHolder {
  holder: ListMember;
  timer: Timer;
  onOutcome(outcome: SlotOutcome): void;
}

export class InFlightSlots {
  readonly #clock: Clock;
  #max = 0;
  #queueTimeoutMs = 0;
  readonly #inFlight = new MemberList<ListMember>();
  readonly #waiting = new Map<ListMember, WaitingHolder>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Those who wait keep their deadlines. */
  configure(max: number, queueTimeoutMs: number): void {
    this.#max = max;
    this.#queueTimeoutMs = queueTimeoutMs;
    this.#admitNext();
  }

  /** "full": nobody may wait, or too many do. "waiting": `onOutcome` is called later, unless it leaves first. */
  enter(
    holder: ListMember,
    onOutcome: (outcome: SlotOutcome) => void,
  ): "entered" | "full" | "waiting" {
    if (this.#inFlight.size < this.#max) {
      this.#inFlight.add(holder);
      return "entered";
    }
    if (this.#queueTimeoutMs <= 0 || this.#waiting.size >= maxQueuedRequests) return "full";
    const timer = this.#clock.after(this.#queueTimeoutMs, () => {
      this.#waiting.delete(holder);
      onOutcome("expired");
    });
    this.#waiting.set(holder, { holder, timer, onOutcome });
    return "waiting";
  }

  /** Of those that are under way, and of those that wait; others may call it too. */
  leave(holder: ListMember): void {
    const waiting = this.#waiting.get(holder);
    if (waiting !== undefined) {
      waiting.timer.cancel();
      this.#waiting.delete(holder);
    }
    if (this.#inFlight.delete(holder)) this.#admitNext();
  }

  #admitNext(): void {
    for (const { holder, timer, onOutcome } of this.#waiting.values()) {
      if (this.#inFlight.size >= this.#max) return;
      timer.cancel();
      this.#waiting.delete(holder);
      this.#inFlight.add(holder);
      onOutcome("entered");
    }
  }
}
