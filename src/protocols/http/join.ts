/** Two streams of raw bytes joined, as after a switch of protocols: until both directions have ended. */
import { pipe, type BodySink, type BodySource, type Duplex } from "./body.ts";
import type { Fields } from "./fields.ts";

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
    pipe(this.#client.source, new Direction(this, this.#target.sink));
    if (!this.#closed) pipe(this.#target.source, new Direction(this, this.#client.sink));
  }

  directionEnded(): void {
    this.#openDirections--;
    if (this.#openDirections === 0) this.#finish();
  }

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

/** Passes one direction on and tells the join when it is over. */
class Direction implements BodySink {
  readonly #join: Join;
  readonly #sink: BodySink;

  constructor(join: Join, sink: BodySink) {
    this.#join = join;
    this.#sink = sink;
  }

  get passesOn(): boolean {
    return this.#sink.passesOn === true;
  }

  attach(source: BodySource): void {
    this.#sink.attach(source);
  }
  write(chunk: Uint8Array): boolean {
    return this.#sink.write(chunk);
  }
  flush(): void {
    this.#sink.flush();
  }
  end(trailers: Fields | null): void {
    this.#sink.end(trailers);
    this.#join.directionEnded();
  }
  abort(): void {
    this.#join.destroy();
  }
}
