/** A body that a test pushes by hand. */
import type { BodySink, BodySource } from "../../src/protocols/http/body.ts";
import type { Fields } from "../../src/protocols/http/fields.ts";

export class ScriptedBody implements BodySource {
  sink: BodySink | null = null;
  paused = false;
  cancelled = false;
  readonly #onStart: ((body: ScriptedBody) => void) | null;

  constructor(onStart: ((body: ScriptedBody) => void) | null = null) {
    this.#onStart = onStart;
  }

  /** A body that is all there when it is started. */
  static of(text: string): ScriptedBody {
    return new ScriptedBody((body) => {
      body.push(text);
      body.end();
    });
  }

  start(sink: BodySink): void {
    this.sink = sink;
    this.#onStart?.(this);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  cancel(): void {
    this.cancelled = true;
  }

  push(data: string | Uint8Array): void {
    if (this.cancelled) return;
    if (!this.sink!.write(Buffer.from(data as string))) this.paused = true;
    if (!this.cancelled) this.sink!.flush();
  }

  end(trailers: Fields | null = null): void {
    if (!this.cancelled) this.sink!.end(trailers);
  }
}
