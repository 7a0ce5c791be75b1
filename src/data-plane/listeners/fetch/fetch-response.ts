/**
 * The response to a Request as a sink. A small body of known length is collected and sent whole, the
 * only way to keep its Content-Length; everything else streams, and the client's window holds it back.
 */
import { maxCollectedResponseBytes, responseCollectTimeoutMs } from "../../../config/limits.ts";
import type { BodySink, BodySource } from "../../../protocols/http/body.ts";
import type { BodyFraming } from "../../../protocols/http/body-framing.ts";
import { isBodyless } from "../../../protocols/http/status.ts";
import type { Clock, Timer } from "../../../lib/clock.ts";

export interface FetchResponseOptions {
  clock: Clock;
  nowMs(): number;
  /** Everything was handed over, or the response was cut. */
  onDone(): void;
}

const noHeaders = new Headers();

/** `opening`: the head is given, Bun has not asked for the body yet. */
type State = "waiting" | "empty" | "collecting" | "opening" | "streaming" | "done";

export class FetchResponse implements BodySink {
  readonly #options: FetchResponseOptions;
  readonly #head = Promise.withResolvers<Response>();
  #state: State = "waiting";
  #init: { status: number; headers: Headers } = { status: 500, headers: noHeaders };
  #length = -1;
  #collected: Uint8Array[] = [];
  #collectedBytes = 0;
  #timer: Timer | null = null;
  #controller: DirectController | null = null;
  /** Settled when the stream has ended; made when there is a stream. */
  #streamed: PromiseWithResolvers<void> | null = null;
  #endWhenOpen = false;
  #source: BodySource | null = null;
  #blockedSinceMs = -1;
  bodyBytesSent = 0;

  constructor(options: FetchResponseOptions) {
    this.#options = options;
  }

  /** What Bun's server is given. */
  get response(): Promise<Response> {
    return this.#head.promise;
  }

  get done(): boolean {
    return this.#state === "done";
  }

  /** How long the client has taken nothing. */
  stalledMs(nowMs: number): number {
    return this.#blockedSinceMs < 0 ? 0 : nowMs - this.#blockedSinceMs;
  }

  start(status: number, headers: Headers, framing: BodyFraming, isHead: boolean): void {
    this.#init = { status, headers };
    if (isHead || isBodyless(status) || framing.kind === "none") {
      this.#state = "empty";
      // Bun would say that the answer to GET has no bytes.
      if (isHead && !headers.has("content-length")) this.#head.resolve(this.#unknownLength());
      else this.#head.resolve(new Response(null, this.#init));
      return;
    }
    if (framing.kind === "length") this.#length = framing.length;
    if (this.#length >= 0 && this.#length <= maxCollectedResponseBytes) this.#state = "collecting";
    else this.#open();
  }

  attach(source: BodySource): void {
    this.#source = source;
  }

  write(chunk: Uint8Array): boolean {
    switch (this.#state) {
      case "collecting":
      case "opening":
        this.#count(chunk);
        this.#collected.push(chunk);
        this.#collectedBytes += chunk.length;
        return this.#state === "collecting" || this.#hold();
      case "streaming":
        this.#count(chunk);
        return this.#send(chunk) || this.#hold();
      default:
        return true;
    }
  }

  flush(): void {
    if (this.#state === "streaming") {
      this.#controller!.flush();
    } else if (this.#state === "collecting" && this.#collectedBytes < this.#length) {
      // The rest takes its time: the client sees what there is, without the length.
      this.#timer ??= this.#options.clock.after(responseCollectTimeoutMs, () => {
        if (this.#state === "collecting") this.#open();
      });
    }
  }

  end(): void {
    const isShort = this.#length >= 0 && this.bodyBytesSent !== this.#length;
    if (isShort && this.#state !== "empty") {
      this.cut();
      return;
    }
    switch (this.#state) {
      case "collecting":
        this.#head.resolve(this.#whole(joined(this.#collected)));
        this.#finish();
        break;
      case "opening":
        this.#endWhenOpen = true;
        break;
      case "streaming":
        this.#controller!.end();
        this.#streamed?.resolve();
        this.#finish();
        break;
      case "empty":
        this.#finish();
        break;
      case "waiting":
      case "done":
        break;
    }
  }

  abort(): void {
    this.cut();
  }

  /**
   * The client must see that there should have been more. Bun would end a stream that has an error as if it
   * were complete: an unfinished response is left open instead, until the client or the connection gives up.
   */
  cut(): void {
    if (this.#state === "done") return;
    const headGiven = this.#state === "opening" || this.#state === "streaming";
    const isEmpty = this.#state === "empty";
    this.#finish();
    if (!headGiven && !isEmpty) this.#head.resolve(new Response(null, { status: 502 }));
  }

  #count(chunk: Uint8Array): void {
    this.bodyBytesSent += chunk.length;
  }

  #hold(): false {
    if (this.#blockedSinceMs < 0) this.#blockedSinceMs = this.#options.nowMs();
    return false;
  }

  #open(): void {
    this.#state = "opening";
    this.#timer?.cancel();
    this.#head.resolve(this.#stream());
  }

  #stream(): Response {
    const streamed = Promise.withResolvers<void>();
    this.#streamed = streamed;
    return new Response(
      directStream({
        pull: (controller) => this.#opened(controller, streamed.promise),
        // The client has reset the stream, which the exchange hears from the request.
        cancel: () => streamed.resolve(),
      }),
      this.#init,
    );
  }

  /** Bun names a type for bytes that have none; a stream that ends at once keeps its length as well. */
  #whole(body: Uint8Array): Response {
    const { headers } = this.#init;
    if (body.length === 0 || headers.has("content-type")) return new Response(body, this.#init);
    const source: DirectSource = {
      pull(controller) {
        void controller.write(body);
        controller.end();
      },
    };
    return new Response(directStream(source, body.length + 1), this.#init);
  }

  /** Ends at once, and says nothing of a length. */
  #unknownLength(): Response {
    return new Response(directStream({ pull: (controller) => controller.end() }), this.#init);
  }

  #opened(controller: DirectController, streamed: Promise<void>): Promise<void> {
    this.#controller = controller;
    if (this.#state !== "opening") return streamed;
    this.#state = "streaming";
    let free = true;
    for (const chunk of this.#collected) free = this.#send(chunk);
    this.#collected = [];
    if (this.#endWhenOpen) this.end();
    else if (free) this.#unblocked();
    return streamed;
  }

  /** False when Bun keeps the bytes until the client's window opens. */
  #send(chunk: Uint8Array): boolean {
    const taken = this.#controller!.write(chunk);
    if (!(taken instanceof Promise)) return true;
    taken.then(() => this.#unblocked(), ignore);
    return false;
  }

  #unblocked(): void {
    this.#blockedSinceMs = -1;
    if (this.#state === "streaming") this.#source?.resume();
  }

  #finish(): void {
    this.#state = "done";
    this.#timer?.cancel();
    this.#collected = [];
    this.#source = null;
    this.#blockedSinceMs = -1;
    this.#options.onDone();
  }
}

/** Bun's direct streams, whose types name no controller. */
interface DirectController {
  /** A promise when the bytes wait for the client. */
  write(chunk: Uint8Array): number | Promise<number>;
  flush(): unknown;
  end(): unknown;
}

interface DirectSource {
  pull(controller: DirectController): unknown;
  cancel?(): void;
}

/** A body that ends below `highWaterMark` before anything of it was sent gets a Content-Length. */
function directStream(source: DirectSource, highWaterMark = 0): ReadableStream {
  const direct = { type: "direct", ...source } as unknown as Bun.DirectUnderlyingSource;
  return highWaterMark > 0
    ? new ReadableStream(direct, { highWaterMark })
    : new ReadableStream(direct);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

function ignore(): void {}
