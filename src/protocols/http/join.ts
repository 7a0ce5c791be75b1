/** Two streams of raw bytes joined, as after a switch of protocols: until both directions have ended. */
import { pipe, type Duplex } from "./body.ts";
import { WatchedSink } from "./watched-sink.ts";

export class Join {
  readonly #client: Duplex;
  readonly #target: Duplex;
  readonly #onClosed: () => void;
  #openDirections = 2;
  #closed = false;

  constructor(client: Duplex, target: Duplex, onClosed: () => void) {
    this.#client = client;
    this.#target = target;
    this.#onClosed = onClosed;
  }

  start(): void {
    if (this.#closed) return;
    pipe(this.#client.source, new WatchedSink(this.#target.sink, this.#directionEnded));
    if (!this.#closed) {
      pipe(this.#target.source, new WatchedSink(this.#client.sink, this.#directionEnded));
    }
  }

  readonly #directionEnded = (error: Error | null): void => {
    this.#openDirections--;
    if (error !== null) this.destroy();
    else if (this.#openDirections === 0) this.#finish();
  };

  /** Ends both directions at once. */
  destroy(): void {
    if (this.#closed) return;
    this.#finish();
    this.#client.destroy();
    this.#target.destroy();
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClosed();
  }
}
