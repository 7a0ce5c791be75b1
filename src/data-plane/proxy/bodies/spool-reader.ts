/** A collected body on its way out: the parts in memory first, then those in the file. */
import type { BodySink, BodySource } from "../../../protocols/http/body.ts";
import type { Fields } from "../../../protocols/http/fields.ts";

/**
 * What is handed over at once: little for a client that may take nothing, because a copy of it waits then, and
 * four times as much with each piece that it takes.
 */
const firstPieceBytes = 4 * 1024;
const maxPieceBytes = 128 * 1024;

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
  /** Bytes of it that were handed over. */
  #offset = 0;
  #pieceBytes = firstPieceBytes;
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
      this.#pushPiece(this.#sink, this.#chunks[this.#nextChunk]!);
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

  #pushPiece(sink: BodySink, chunk: Uint8Array): void {
    const start = this.#offset;
    const end = Math.min(chunk.length, start + this.#pieceBytes);
    if (end === chunk.length) {
      this.#nextChunk++;
      this.#offset = 0;
    } else {
      this.#offset = end;
    }
    this.#handOn(sink, end - start === chunk.length ? chunk : chunk.subarray(start, end));
  }

  #handOn(sink: BodySink, piece: Uint8Array): void {
    if (sink.write(piece)) {
      this.#pieceBytes = Math.min(maxPieceBytes, this.#pieceBytes * 4);
    } else {
      this.#paused = true;
      this.#pieceBytes = firstPieceBytes;
    }
  }

  #pushFile(): void {
    this.#busy = true;
    // A buffer of its own for each read: the sink may keep it.
    const buffer = Buffer.allocUnsafeSlow(this.#pieceBytes);
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
      this.#handOn(sink, buffer.subarray(0, count));
      if (!this.#paused) this.#push();
      else sink.flush();
    });
  }
}
