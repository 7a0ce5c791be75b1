/**
 * Deadlines of one duration. All last equally long, so the order in which they were added is the order
 * in which they pass, and one timer is enough for any number. The entries are the links of the list, and the
 * timer stays when the last of them leaves, since the next one may come at once: adding and deleting allocate
 * nothing.
 */
import type { Clock, Timer } from "./clock.ts";

export interface DeadlineEntry {
  /** The queue that it waits in, else null. This and the next three belong to the queue. */
  deadlineQueue: DeadlineQueue | null;
  deadlineMs: number;
  earlierEntry: DeadlineEntry | null;
  laterEntry: DeadlineEntry | null;
  /** The time has passed; the entry has left the queue. */
  onDeadline(): void;
}

export class DeadlineQueue {
  readonly #clock: Clock;
  readonly #durationMs: number;
  #first: DeadlineEntry | null = null;
  #last: DeadlineEntry | null = null;
  #size = 0;
  #timer: Timer | null = null;
  #firing = false;

  constructor(clock: Clock, durationMs: number) {
    this.#clock = clock;
    this.#durationMs = durationMs;
  }

  get size(): number {
    return this.#size;
  }

  /** The entry with the earliest deadline. */
  get first(): DeadlineEntry | null {
    return this.#first;
  }

  /** The entry that was added last. */
  get last(): DeadlineEntry | null {
    return this.#last;
  }

  /** Starts the entry's time, anew if it waits already, here or in another queue. */
  add(entry: DeadlineEntry): void {
    entry.deadlineQueue?.delete(entry);
    entry.deadlineQueue = this;
    entry.deadlineMs = this.#clock.runningMs() + this.#durationMs;
    entry.earlierEntry = this.#last;
    if (this.#last === null) this.#first = entry;
    else this.#last.laterEntry = entry;
    this.#last = entry;
    this.#size++;
    if (this.#timer === null && !this.#firing) this.#arm(this.#durationMs);
  }

  /** False when the entry does not wait here. */
  delete(entry: DeadlineEntry): boolean {
    if (entry.deadlineQueue !== this) return false;
    const { earlierEntry, laterEntry } = entry;
    if (earlierEntry === null) this.#first = laterEntry;
    else earlierEntry.laterEntry = laterEntry;
    if (laterEntry === null) this.#last = earlierEntry;
    else laterEntry.earlierEntry = earlierEntry;
    entry.deadlineQueue = null;
    entry.earlierEntry = null;
    entry.laterEntry = null;
    // The timer stays as it is: firing too early only arms it again, or ends it.
    this.#size--;
    return true;
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, this.#fire);
  }

  readonly #fire = (readUntilMs: number): void => {
    this.#timer = null;
    this.#firing = true;
    try {
      while (this.#first !== null && this.#first.deadlineMs <= readUntilMs) {
        const entry = this.#first;
        this.delete(entry);
        entry.onDeadline();
      }
    } finally {
      this.#firing = false;
      if (this.#first !== null) {
        // Timers count whole milliseconds and must not fire before the deadline.
        this.#arm(Math.max(1, Math.ceil(this.#first.deadlineMs - this.#clock.runningMs())));
      }
    }
  };
}

/** One queue for each duration that is asked for. */
export class DeadlineQueues {
  readonly #clock: Clock;
  readonly #queues = new Map<number, DeadlineQueue>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(durationMs: number): DeadlineQueue {
    let queue = this.#queues.get(durationMs);
    if (queue === undefined) {
      queue = new DeadlineQueue(this.#clock, durationMs);
      this.#queues.set(durationMs, queue);
    }
    return queue;
  }
}
