/**
 * The body that comes on one HTTP/2 stream, as a source: DATA goes into the sink as it comes, or waits in
 * blocks while the sink holds it back. The peer may send more when somebody has taken what came: what waits
 * never exceeds the windows.
 */
import { ByteBlocks } from "../../net/byte-blocks.ts";
import { unsentMemory } from "../../net/socket-writer.ts";
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
  /** Nobody wants the rest. */
  bodyCancelled(): void;
}

/** `waiting`: nobody has asked for it; `held`: the sink holds it back; `discarding`: nobody wants it. */
type Flow = "waiting" | "flowing" | "held" | "discarding" | "done";

export class IncomingBody implements BodySource {
  readonly #owner: IncomingBodyOwner;
  #flow: Flow = "waiting";
  #sink: BodySink | null = null;
  /** What came while nobody took it. */
  #kept: ByteBlocks | null = null;
  /** Bytes that the sink has, and for which it held the source back. */
  #heldBytes = 0;
  #flushWanted = false;
  /** The last byte has come, with these trailers. */
  #complete = false;
  #trailers: Fields | null = null;
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

  /** It was given away to its end, or can't be any more. */
  get done(): boolean {
    return this.#flow === "done";
  }

  // The source.

  start(sink: BodySink): void {
    if (this.#flow !== "waiting") {
      if (this.#flow === "done" && this.#complete) sink.end(this.#trailers);
      return;
    }
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

  receive(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.#flow === "discarding" || this.#flow === "done") {
      this.#owner.bodyTaken(length);
      return;
    }
    const piece = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
    if (this.#flow === "flowing" && !this.#hasKept) {
      this.#give(piece, false);
      return;
    }
    this.#kept ??= new ByteBlocks(unsentMemory);
    this.#kept.append(piece);
  }

  /** The body is complete. */
  end(trailers: Fields | null): void {
    if (this.#flow === "done") return;
    this.#complete = true;
    this.#trailers = trailers;
    if (this.#flow === "discarding") this.#flow = "done";
    else if (this.#flow !== "waiting" && !this.#hasKept) this.#finish();
  }

  /** It will never be complete. */
  abort(error: ExchangeError): void {
    if (this.#flow === "done") return;
    this.#release();
    this.#flow = "done";
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
    this.#flushWanted = false;
    this.#sink?.flush();
  }

  get #hasKept(): boolean {
    return this.#kept !== null && this.#kept.length > 0;
  }

  #give(piece: Uint8Array, isKept: boolean): void {
    const sink = this.#sink!;
    const free = sink.write(piece);
    if (!isKept && !sink.passesOn) this.#owner.keepRead();
    if (!this.#flushWanted) {
      this.#flushWanted = true;
      this.#owner.flushLater();
    }
    if (free && this.#flow === "flowing") {
      this.#owner.bodyTaken(piece.length);
    } else {
      this.pause();
      this.#heldBytes += piece.length;
    }
  }

  #giveKept(): void {
    // A sink that resumes while it is given something is not given the same again.
    if (this.#draining) return;
    this.#draining = true;
    while (this.#flow === "flowing" && this.#hasKept) {
      const front = this.#kept!.front();
      this.#kept!.consume(front.length);
      this.#give(front, true);
    }
    this.#draining = false;
    if (this.#complete && this.#flow === "flowing") this.#finish();
  }

  #finish(): void {
    this.#release();
    this.#flow = "done";
    const sink = this.#sink;
    this.#sink = null;
    sink?.end(this.#trailers);
  }

  /** What is kept or held goes out of the way. */
  #release(): void {
    const bytes = this.#heldBytes + (this.#kept?.length ?? 0);
    this.#heldBytes = 0;
    this.#kept?.clear();
    if (bytes > 0) this.#owner.bodyTaken(bytes);
  }
}
