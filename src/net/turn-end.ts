/** What is to leave at the end of this turn of the event loop: all of it, one behind the other. */
export class TurnEnd<Sender> {
  readonly #send: (sender: Sender) => void;
  readonly #most: number;
  readonly #waiting: Sender[] = [];
  #next = 0;

  /** `send` may find that nothing is left to do. With `most` of them none waits any longer. */
  constructor(send: (sender: Sender) => void, most = Number.POSITIVE_INFINITY) {
    this.#send = send;
    this.#most = most;
  }

  add(sender: Sender): void {
    if (this.#waiting.length === 0) setImmediate(this.sendAll);
    this.#waiting.push(sender);
    if (this.#waiting.length >= this.#most) this.sendAll();
  }

  /** Not waiting for the end. */
  readonly sendAll = (): void => {
    const waiting = this.#waiting;
    try {
      while (this.#next < waiting.length) this.#send(waiting[this.#next++]!);
    } finally {
      // One that throws holds nobody up.
      if (this.#next < waiting.length) setImmediate(this.sendAll);
      else waiting.length = this.#next = 0;
    }
  };
}
