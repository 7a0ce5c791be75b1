/**
 * The body that comes on one HTTP/2 stream, as a source: DATA goes into the sink as it comes, or waits in
 * blocks while the sink holds it back. The peer may send more when somebody has taken what came: what waits
 * never exceeds the windows.
 */
import { ByteBlocks } from "../../net/byte-blocks.ts";
import { releaseReceived } from "../../net/received-buffer.ts";
import { unsentMemory } from "../../net/unsent-memory.ts";
import type { BodySink, BodySource } from "../../protocols/http/body.ts";
import type { ExchangeError } from "../../protocols/http/exchange-error.ts";
import type { Fields } from "../../protocols/http/fields.ts";

export interface IncomingBodyOwner {
  /** Somebody has asked for the body. */
  bodyStarted(): void;
  /** So many bytes are out of the way: the peer may send as many more. */
  bodyTaken(bytes: number): void;
  /** The sink keeps bytes of the present read. */
  keepRead(): void;
  /** `flush` is to be called behind the present read. */
  flushLater(): void;
  /** The sink has heard of the end. */
  bodyDone(): void;
  /** Nobody wants the rest. */
  bodyCancelled(): void;
}

/** Pieces up to here are put together: what comes in frames of one byte would cost an object and a write each. */
const smallPieceBytes = 512;
const togetherBytes = 2_048;
/** Larger ones of a read become one where they lie, because each costs a system call on its way. */
const maxJoinedBytes = 128 * 1024;
/** For the next ones: what was put together last, and nobody has kept. */
let spare: Buffer | null = null;

/** `waiting`: nobody has asked for it; `held`: the sink holds it back; `discarding`: nobody wants it. */
type Flow = "waiting" | "flowing" | "held" | "discarding" | "done";

export class IncomingBody implements BodySource {
  readonly #owner: IncomingBodyOwner;
  #flow: Flow = "waiting";
  #sink: BodySink | null = null;
  /** What came while nobody took it. */
  #kept: ByteBlocks | null = null;
  /** Small pieces of the present read. */
  #together: Buffer | null = null;
  #togetherBytes = 0;
  /** The buffer of the present read with others, moved up to each other. Never are there both. */
  #joined: Buffer | null = null;
  #joinedStart = 0;
  #joinedEnd = 0;
  /** Bytes that the sink has, and for which it held the source back. */
  #heldBytes = 0;
  #flushWanted = false;
  /** The last byte has come, with these trailers. */
  #complete = false;
  #trailers: Fields | null = null;
  /** Why it will never be complete. */
  #error: ExchangeError | null = null;
  #draining = false;

  constructor(owner: IncomingBodyOwner) {
    this.#owner = owner;
  }

  /** Bytes are wanted now: it is up to the peer to send them. */
  get wantsBytes(): boolean {
    return (this.#flow === "flowing" || this.#flow === "discarding") && !this.#complete;
  }

  /** The sink holds it back. */
  get held(): boolean {
    return this.#flow === "held";
  }

  // The source.

  start(sink: BodySink): void {
    if (this.#error !== null) sink.abort(this.#error);
    if (this.#flow !== "waiting") return;
    this.#sink = sink;
    this.#flow = "flowing";
    this.#owner.bodyStarted();
    this.#giveKept();
  }

  pause(): void {
    if (this.#flow === "flowing") this.#flow = "held";
  }

  resume(): void {
    if (this.#flow !== "held") return;
    this.#flow = "flowing";
    const taken = this.#heldBytes;
    this.#heldBytes = 0;
    if (taken > 0) this.#owner.bodyTaken(taken);
    this.#giveKept();
  }

  cancel(): void {
    if (this.#flow === "done") return;
    this.discard();
    this.#owner.bodyCancelled();
  }

  // What comes.

  /** `bytes` is what was read: behind `end` it stays as it is, frames of this body before it may be moved. */
  receive(bytes: Buffer, start: number, end: number): void {
    const isSmall = end - start <= smallPieceBytes;
    if (isSmall || !this.#isFree) this.#giveJoined();
    if (!isSmall || !this.#isFree) this.#giveSmall();
    // Who was given something may hold the rest back.
    if (!this.#isFree) this.#pass(partOf(bytes, start, end), false);
    else if (isSmall) this.#putTogether(bytes, start, end);
    else this.#join(bytes, start, end);
  }

  /** The body is complete. */
  end(trailers: Fields | null): void {
    if (this.#flow === "done") return;
    this.#complete = true;
    this.#trailers = trailers;
    this.#giveCollected();
    if (this.#flow === "discarding") this.#flow = "done";
    else if (this.#flow !== "waiting" && !this.#hasKept) this.#finish();
  }

  /** It will never be complete. */
  abort(error: ExchangeError): void {
    if (this.#flow === "done") return;
    this.#release();
    this.#flow = "done";
    this.#error = error;
    const sink = this.#sink;
    this.#sink = null;
    sink?.abort(error);
  }

  /** Nobody reads the rest; the sink hears nothing more. */
  discard(): void {
    this.#sink = null;
    if (this.#flow === "done") return;
    this.#flow = this.#complete ? "done" : "discarding";
    this.#release();
  }

  /** What the sink has collected goes out. */
  flush(): void {
    this.#giveCollected();
    this.#flushWanted = false;
    this.#sink?.flush();
  }

  get #hasKept(): boolean {
    return this.#kept !== null && this.#kept.length > 0;
  }

  /** What comes now goes into the sink. */
  get #isFree(): boolean {
    return this.#flow === "flowing" && !this.#hasKept;
  }

  #putTogether(bytes: Buffer, start: number, end: number): void {
    if (this.#togetherBytes + end - start > togetherBytes) this.#giveSmall();
    if (this.#together === null) {
      this.#together = spare ?? Buffer.allocUnsafe(togetherBytes);
      spare = null;
    }
    this.#togetherBytes += bytes.copy(this.#together, this.#togetherBytes, start, end);
    this.#wantFlush();
  }

  #join(bytes: Buffer, start: number, end: number): void {
    const joinedBytes = this.#joinedEnd - this.#joinedStart + end - start;
    // Larger frames of others in between may wait for the end of the read where they lie; small ones are copied.
    const isNext = this.#joined === bytes && start - this.#joinedEnd <= smallPieceBytes;
    if (isNext && joinedBytes <= maxJoinedBytes) {
      bytes.copyWithin(this.#joinedEnd, start, end);
      this.#joinedEnd += end - start;
      return;
    }
    this.#giveJoined();
    this.#joined = bytes;
    this.#joinedStart = start;
    this.#joinedEnd = end;
    this.#wantFlush();
  }

  #giveCollected(): void {
    this.#giveJoined();
    this.#giveSmall();
  }

  #giveSmall(): void {
    const together = this.#together;
    if (together === null) return;
    const length = this.#togetherBytes;
    this.#together = null;
    this.#togetherBytes = 0;
    const sink = this.#isFree ? this.#sink : null;
    this.#pass(together.subarray(0, length), true);
    if (sink === null || sink.passesOn === true) spare = together;
  }

  #giveJoined(): void {
    const joined = this.#joined;
    if (joined === null) return;
    this.#joined = null;
    this.#pass(partOf(joined, this.#joinedStart, this.#joinedEnd), false);
  }

  /** To the sink, or where it waits. `isOwn`: the bytes are no part of the present read. */
  #pass(piece: Buffer, isOwn: boolean): void {
    if (this.#isFree) {
      this.#give(piece, isOwn);
    } else if (this.#flow === "discarding" || this.#flow === "done") {
      this.#owner.bodyTaken(piece.length);
    } else {
      this.#kept ??= new ByteBlocks(unsentMemory);
      this.#kept.append(piece);
    }
  }

  #wantFlush(): void {
    if (this.#flushWanted) return;
    this.#flushWanted = true;
    this.#owner.flushLater();
  }

  #give(piece: Uint8Array, isOwn: boolean): void {
    const sink = this.#sink!;
    const free = sink.write(piece);
    if (!isOwn && !sink.passesOn) this.#owner.keepRead();
    this.#wantFlush();
    if (!free) this.pause();
    // The sink may have given the body up meanwhile.
    if (this.#flow === "held") this.#heldBytes += piece.length;
    else this.#owner.bodyTaken(piece.length);
  }

  #giveKept(): void {
    // A sink that resumes while it is given something is not given the same again.
    if (this.#draining) return;
    this.#draining = true;
    while (this.#flow === "flowing" && this.#hasKept) {
      const sink = this.#sink!;
      const front = this.#kept!.front();
      this.#kept!.consume(front.length);
      this.#give(front, true);
      if (sink.passesOn) releaseReceived(front);
    }
    this.#draining = false;
    if (this.#complete && this.#flow === "flowing") this.#finish();
  }

  #finish(): void {
    this.#release();
    this.#flow = "done";
    const sink = this.#sink;
    this.#sink = null;
    if (sink === null) return;
    sink.end(this.#trailers);
    this.#owner.bodyDone();
  }

  /** What is kept or held goes out of the way. */
  #release(): void {
    const joinedBytes = this.#joined === null ? 0 : this.#joinedEnd - this.#joinedStart;
    const bytes = this.#heldBytes + (this.#kept?.length ?? 0) + this.#togetherBytes + joinedBytes;
    this.#heldBytes = 0;
    this.#joined = null;
    this.#together = null;
    this.#togetherBytes = 0;
    this.#kept?.clear();
    if (bytes > 0) this.#owner.bodyTaken(bytes);
  }
}

function partOf(bytes: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}
