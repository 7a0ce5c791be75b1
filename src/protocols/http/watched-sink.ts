/** Passes everything on, and tells when the end has been passed on. */
import type { BodySink, BodySource } from "./body.ts";
import type { Fields } from "./fields.ts";

export class WatchedSink implements BodySink {
  readonly #sink: BodySink;
  readonly #onEnded: (error: Error | null) => void;
  ended = false;

  /** `onEnded` is called behind `end`, with null, and behind `abort`. */
  constructor(sink: BodySink, onEnded: (error: Error | null) => void) {
    this.#sink = sink;
    this.#onEnded = onEnded;
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
    this.ended = true;
    this.#onEnded(null);
  }

  abort(error: Error): void {
    this.#sink.abort(error);
    this.ended = true;
    this.#onEnded(error);
  }
}
