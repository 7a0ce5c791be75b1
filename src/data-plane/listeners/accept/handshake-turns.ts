/**
 * Which TLS handshake begins next. One costs as much as ten requests, and Bun begins what has arrived five at a
 * time in each turn of the event loop and keeps the rest, the youngest before all others: with more than can be
 * begun, some waited ten times as long as the others, and every request of other clients for five of them. Here
 * one begins in each turn, in the order in which they came. Only when the oldest has waited for
 * `handshakePatienceMs` is the youngest preferred: then more come than can ever be served, and whoever has waited
 * so long is likely to give up next.
 */
import { handshakePatienceMs } from "../../../config/limits.ts";
import { ListMember, MemberList } from "../../../lib/member-list.ts";

export interface HandshakeTurnsContext {
  nowMs(): number;
  /** Calls back in the next turn of the event loop. */
  later(callback: () => void): void;
}

export class HandshakeTurns {
  readonly #context: HandshakeTurnsContext;
  readonly #waiting = new MemberList<WaitingHandshake>();
  #isTaken = false;

  constructor(context: HandshakeTurnsContext) {
    this.#context = context;
  }

  /** Whether one may begin at once; else it is to `wait`. */
  take(): boolean {
    if (this.#isTaken) return false;
    this.#isTaken = true;
    this.#context.later(this.#next);
    return true;
  }

  /** `begin` is called when its turn has come, unless what is returned was called: it is over before it began. */
  wait(begin: () => void): () => void {
    const waiting = new WaitingHandshake(this.#context.nowMs(), begin);
    this.#waiting.add(waiting);
    return () => void this.#waiting.delete(waiting);
  }

  readonly #next = (): void => {
    this.#isTaken = false;
    const { first, last } = this.#waiting;
    if (first === null || last === null) return;
    this.take();
    const isLate = this.#context.nowMs() - first.sinceMs > handshakePatienceMs;
    const next = isLate ? last : first;
    this.#waiting.delete(next);
    next.begin();
  };
}

class WaitingHandshake extends ListMember {
  readonly sinceMs: number;
  readonly begin: () => void;

  constructor(sinceMs: number, begin: () => void) {
    super();
    this.sinceMs = sinceMs;
    this.begin = begin;
  }
}
