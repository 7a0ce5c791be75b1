/**
 * A response body on its way to the client in fewer bytes. It is compressed in pieces when the event loop has
 * read what has arrived, in turns with all other work (`net/work-budget`): nobody waits for it.
 */
import type { ContentCoding } from "../../../config/compression-settings.ts";
import { compressionPieceBytes, maxUncompressedBytes } from "../../../config/limits.ts";
import { ByteBlocks } from "../../../net/byte-blocks.ts";
import type { MemoryBudget } from "../../../net/memory-budget.ts";
import { type BudgetedReader, workBudget } from "../../../net/work-budget.ts";
import type { BodySink, BodySource } from "../../../protocols/http/body.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import type { CollectedResponse } from "./buffered-response.ts";
import { ContentEncoder } from "./content-encoder.ts";

export class CompressedResponse implements CollectedResponse, BodySource, BudgetedReader {
  /** What is written is copied. */
  readonly passesOn = true;
  readonly #client: BodySink;
  readonly #encoder: ContentEncoder;
  readonly #memoryBytes: number;
  readonly #budget: MemoryBudget;
  /** The length of the response is not known ahead: the client gets what comes when it comes. */
  readonly #flushes: boolean;
  /** It is short enough to be compressed at once, for less than in pieces. */
  readonly #isShort: boolean;
  readonly #waiting: ByteBlocks;
  #source: BodySource | null = null;
  #flushDue = false;
  #ended = false;
  #trailers: Fields | null = null;
  #scheduled = false;
  /** The client does not take more now. */
  #held = false;
  #sourceHeld = false;
  #over = false;

  /**
   * `length` is that of what is written; null: not known. The memory of the encoder, and of what waits
   * for it, counts in `budget` until the body is through.
   */
  constructor(
    client: BodySink,
    coding: ContentCoding,
    length: number | null,
    budget: MemoryBudget,
  ) {
    this.#client = client;
    this.#encoder = new ContentEncoder(coding);
    this.#flushes = length === null;
    this.#isShort = length !== null && length <= this.#encoder.mostAtOnce;
    this.#budget = budget;
    this.#waiting = new ByteBlocks(budget);
    this.#memoryBytes = ContentEncoder.memoryBytes(coding);
    budget.add(this.#memoryBytes);
    client.attach(this);
  }

  attach(source: BodySource): void {
    this.#source = source;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over) return true;
    this.#waiting.append(chunk);
    if (!this.#isShort) this.#schedule();
    this.#sourceHeld = this.#waiting.length >= maxUncompressedBytes;
    return !this.#sourceHeld;
  }

  flush(): void {
    if (!this.#flushes || this.#over) return;
    this.#flushDue = true;
    this.#schedule();
  }

  end(trailers: Fields | null): void {
    if (this.#over) return;
    this.#ended = true;
    this.#trailers = trailers;
    this.#schedule();
  }

  abort(error: Error): void {
    if (this.#over) return;
    this.dispose();
    this.#client.abort(error);
  }

  dispose(): void {
    if (this.#over) return;
    this.#over = true;
    this.#waiting.clear();
    this.#encoder.close();
    this.#budget.release(this.#memoryBytes);
  }

  // The client's side.

  start(): void {}

  pause(): void {
    this.#held = true;
  }

  resume(): void {
    this.#held = false;
    this.#schedule();
  }

  cancel(): void {
    this.#source?.cancel();
    this.dispose();
  }

  // The turns of the event loop.

  readOn(): void {
    this.#scheduled = false;
    if (this.#over || this.#held) return;
    if (this.#ended && this.#waiting.length <= this.#encoder.mostAtOnce) {
      this.#finish();
      return;
    }
    const piece = this.#waiting.front().subarray(0, compressionPieceBytes);
    if (piece.length > 0) {
      this.#pass(this.#encoder.encode(piece));
      this.#waiting.consume(piece.length);
    }
    if (this.#waiting.length === 0 && this.#flushDue) {
      this.#flushDue = false;
      this.#pass(this.#encoder.flush());
    }
    this.#client.flush();
    if (this.#waiting.length > 0 || this.#ended) this.#schedule();
    if (this.#sourceHeld && this.#waiting.length < maxUncompressedBytes) {
      this.#sourceHeld = false;
      this.#source?.resume();
    }
  }

  fail(error: Error): void {
    this.abort(error);
  }

  #finish(): void {
    const rest = this.#waiting.views();
    this.#pass(this.#encoder.finish(rest.length === 1 ? rest[0]! : Buffer.concat(rest)));
    this.dispose();
    this.#client.end(this.#trailers);
  }

  #pass(encoded: Uint8Array): void {
    if (encoded.length > 0 && !this.#client.write(encoded)) this.#held = true;
  }

  #schedule(): void {
    if (this.#scheduled || this.#held || this.#over) return;
    this.#scheduled = true;
    workBudget.wait(this);
  }
}
