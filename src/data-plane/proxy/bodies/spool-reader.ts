/** A collected body on its way out: the parts in memory first, then those in the file. */
import type { BodySink, BodySource } from "../../../protocols/http/body.ts";
import type { Fields } from "../../../protocols/http/fields.ts";

const readChunkBytes = 128 * 1024;

/** Reads at a position of the file; a buffer is filled as far as the file goes. */
export type ReadFile = (
  buffer: Buffer,
  position: number,
  done: (error: Error | null, count: number) => void,
) => void;

export class SpoolReader implements BodySource {
  readonly #chunks: Uint8Array[];
  readonly #trailers: Fields | null;
  readonly #fileBytes: number;
  readonly #read: ReadFile;
  #sink: BodySink | null = null;
  #nextChunk = 0;
  #position = 0;
  #paused = false;
  #busy = false;

  constructor(
    chunks: Uint8Array[],
    trailers: Fields | null,
    fileBytes: number,
    readFile: ReadFile,
  ) {
    this.#chunks = chunks;
    this.#trailers = trailers;
    this.#fileBytes = fileBytes;
    this.#read = readFile;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#push();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#push();
  }

  cancel(): void {
    this.#sink = null;
  }

  #push(): void {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#sink !== null && !this.#paused && this.#nextChunk < this.#chunks.length) {
      const chunk = this.#chunks[this.#nextChunk++]!;
      if (!this.#sink.write(chunk)) this.#paused = true;
    }
    this.#busy = false;
    const sink = this.#sink;
    if (sink === null) return;
    if (this.#nextChunk === this.#chunks.length && this.#position === this.#fileBytes) {
      this.#sink = null;
      sink.flush();
      sink.end(this.#trailers);
    } else {
      sink.flush();
      if (!this.#paused) this.#pushFile();
    }
  }

  #pushFile(): void {
    this.#busy = true;
    // A buffer of its own for each read: the sink may keep it.
    const buffer = Buffer.allocUnsafe(readChunkBytes);
    this.#read(buffer, this.#position, (error, count) => {
      this.#busy = false;
      const sink = this.#sink;
      if (sink === null) return;
      if (error !== null || count === 0) {
        this.#sink = null;
        sink.abort(error ?? new Error("the buffer file is shorter than the body"));
        return;
      }
      this.#position += count;
      if (!sink.write(buffer.subarray(0, count))) this.#paused = true;
      if (!this.#paused) this.#push();
      else sink.flush();
    });
  }
}
