/**
 * A response body on its way to the client in fewer bytes. It is compressed in pieces when the event loop has
 * read what has arrived, in turns with all other work (`net/work-budget`): nobody waits for it.
 */
import type { ContentCoding } from "../../../config/compression-settings.ts";
import { compressionPieceBytes, maxUncompressedBytes } from "../../../config/limits.ts";
import { ListMember } from "../../../lib/member-list.ts";
import { ByteBlocks } from "../../../net/byte-blocks.ts";
import type { MemoryBudget } from "../../../net/memory-budget.ts";
import { type BudgetedReader, workBudget } from "../../../net/work-budget.ts";
import type { BodySink, BodySource } from "../../../protocols/http/body.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import type { CollectedResponse } from "./buffered-response.ts";
import { ContentEncoder } from "./content-encoder.ts";

/** Bytes of a body that may wait: a read of the target comes on top of what holds it back. */
const mostWaitingBytes = maxUncompressedBytes + 512 * 1_024;

/**
 * Bytes of memory that a response takes until it is through: all that it may come to, where its length is known.
 * Else what waits is counted as it comes: event streams are many, and wait little.
 */
export function compressionBytes(coding: ContentCoding, length: number | null): number {
  const encoderBytes = ContentEncoder.memoryBytes(coding);
  if (length === null) return encoderBytes;
  // What is compressed at once needs no encoder that stays.
  if (length <= new ContentEncoder(coding).mostAtOnce) return length;
  return encoderBytes + Math.min(length, mostWaitingBytes);
}

export class CompressedResponse
  extends ListMember
  implements CollectedResponse, BodySource, BudgetedReader
{
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
   * `length` is that of what is written; null: not known. `compressionBytes` count in `budget` until the body is
   * through.
   */
  constructor(
    client: BodySink,
    coding: ContentCoding,
    length: number | null,
    budget: MemoryBudget,
  ) {
    super();
    this.#client = client;
    this.#encoder = new ContentEncoder(coding);
    this.#flushes = length === null;
    this.#isShort = length !== null && length <= this.#encoder.mostAtOnce;
    this.#budget = budget;
    this.#waiting = new ByteBlocks(length === null ? budget : null);
    this.#memoryBytes = compressionBytes(coding, length);
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
      this.#encoder.encode(piece, this.#pass);
      this.#waiting.consume(piece.length);
    }
    if (this.#waiting.length === 0 && this.#flushDue) {
      this.#flushDue = false;
      this.#encoder.flush(this.#pass);
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
    this.#encoder.finish(rest.length === 1 ? rest[0]! : Buffer.concat(rest), this.#pass);
    this.dispose();
    this.#client.end(this.#trailers);
  }

  /** Copies of megabytes a second would pile up until the garbage collector comes by. */
  readonly #pass = (encoded: Uint8Array): void => {
    const kept = this.#client.passesOn === true ? encoded : Buffer.from(encoded);
    if (!this.#client.write(kept)) this.#held = true;
  };

  #schedule(): void {
    if (this.#scheduled || this.#held || this.#over) return;
    this.#scheduled = true;
    workBudget.wait(this);
  }
}
