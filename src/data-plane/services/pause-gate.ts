/** Admission of one service: open while running, holding while paused, closed while stopped. */
import type { Pause } from "../../config/options.ts";
import type { Clock, Timer } from "../../lib/clock.ts";

/** What becomes of a held request: sent on, answered 503, answered 504, or its service is gone. */
export type HoldOutcome = "released" | "stopped" | "expired" | "removed";

/** `expired`: held for no time at all; `full`: too many are held already. */
export type GateAnswer = "open" | "stopped" | "expired" | "full" | HeldRequest;

export interface HeldRequest {
  /** Called once, unless the request leaves first; to be set right after `enter`. */
  onOutcome: ((outcome: HoldOutcome) => void) | null;
  /** The client has gone: frees the place, and nothing is called any more. */
  leave(): void;
}

const running: Pause = { state: "running", stopMessage: "", failAfterMs: 0 };

export class PauseGate {
  readonly #clock: Clock;
  readonly #maxHeld: number;
  /** In order of arrival. */
  #held = new Set<Held>();
  #pause: Pause = running;

  constructor(clock: Clock, maxHeld: number) {
    this.#clock = clock;
    this.#maxHeld = maxHeld;
  }

  get state(): Pause["state"] {
    return this.#pause.state;
  }

  get stopMessage(): string {
    return this.#pause.stopMessage;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  enter(): GateAnswer {
    const { state, failAfterMs } = this.#pause;
    if (state === "running") return "open";
    if (state === "stopped") return "stopped";
    if (failAfterMs <= 0) return "expired";
    if (this.#held.size >= this.#maxHeld) return "full";
    const held = new Held(this.#held, this.#clock, failAfterMs);
    this.#held.add(held);
    return held;
  }

  /** A pause that goes on keeps the deadlines of those that are held. */
  update(pause: Pause): void {
    this.#pause = pause.state === "running" ? running : pause;
    if (pause.state === "running") this.#answerAll("released");
    else if (pause.state === "stopped") this.#answerAll("stopped");
  }

  /** The service is gone; whoever still comes is turned away. */
  close(): void {
    this.#pause = { state: "stopped", stopMessage: "", failAfterMs: 0 };
    this.#answerAll("removed");
  }

  #answerAll(outcome: HoldOutcome): void {
    if (this.#held.size === 0) return;
    // Taken out first: an answer may make others leave, or new ones enter.
    const answered = this.#held;
    this.#held = new Set();
    const failures: unknown[] = [];
    for (const held of answered) {
      // One that fails must not keep the others waiting for ever.
      try {
        held.finish(outcome);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "held requests failed");
  }
}

class Held implements HeldRequest {
  onOutcome: ((outcome: HoldOutcome) => void) | null = null;
  readonly #queue: Set<Held>;
  readonly #timer: Timer;

  constructor(queue: Set<Held>, clock: Clock, failAfterMs: number) {
    this.#queue = queue;
    this.#timer = clock.after(failAfterMs, () => this.finish("expired"));
  }

  leave(): void {
    this.#timer.cancel();
    this.#queue.delete(this);
    this.onOutcome = null;
  }

  finish(outcome: HoldOutcome): void {
    const { onOutcome } = this;
    this.leave();
    onOutcome?.(outcome);
  }
}
