/**
 * A response of unknown length under --max-response-body: collected while its bytes keep coming, so that
 * a quick one that is too large becomes a clean error page, and passed on as soon as the target pauses,
 * so that a slow stream still flows. What is too large after that is cut.
 */
import { type BodySink, type BodySource, pipe } from "../../../protocols/http/body.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import type { DeadlineEntry, DeadlineQueue } from "../../../lib/deadline-queue.ts";
import type { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import type { CollectedResponse } from "./buffered-response.ts";
import { bufferingError, responseTooLarge } from "../answers/failure.ts";
import { SpooledBody, type SpoolOptions } from "./spooled-body.ts";

/** `replaying`: what was collected goes to the client while the target waits. */
type State = "collecting" | "replaying" | "flowing" | "over";

/**
 * Quiet turns of the queue that make a pause. With one alone, bytes that wait in the kernel while the
 * process is busy would look like a target that has stopped sending.
 */
const quietTurns = 2;
/**
 * As long as there is nothing but the head. Nagle's algorithm may hold the body back in the target's
 * kernel until the head is acknowledged, for which Linux takes 40 ms.
 */
const quietTurnsBeforeBody = 5;

export class LimitedResponse implements CollectedResponse, DeadlineEntry {
  deadlineQueue: DeadlineQueue | null = null;
  deadlineMs = 0;
  earlierEntry: DeadlineEntry | null = null;
  laterEntry: DeadlineEntry | null = null;

  readonly #sendHead: () => BodySink;
  readonly #maxBytes: number;
  readonly #spool: SpooledBody;
  readonly #pauses: DeadlineQueue;
  readonly #onEnded: (error: ExchangeError | null) => void;
  #state: State = "collecting";
  #quietTurns = 0;
  #sizeBytes = 0;
  #source: BodySource | null = null;
  /** The client, once it has the head. */
  #client: BodySink | null = null;
  /** It did not take all of what was collected yet. */
  #clientHolds = false;

  /**
   * `sendHead` gives the head to the client and returns where the body goes. `onEnded` is called once: with
   * null when the client has been given everything.
   */
  constructor(
    sendHead: () => BodySink,
    spoolOptions: SpoolOptions,
    pauses: DeadlineQueue,
    onEnded: (error: ExchangeError | null) => void,
  ) {
    this.#sendHead = sendHead;
    this.#maxBytes = spoolOptions.maxBytes;
    this.#spool = new SpooledBody(spoolOptions);
    this.#pauses = pauses;
    this.#onEnded = onEnded;
    void this.#collect();
  }

  get passesOn(): boolean {
    return this.#state === "collecting" || this.#client?.passesOn === true;
  }

  attach(source: BodySource): void {
    this.#source = source;
    this.#spool.attach(source);
    this.#pauses.add(this);
  }

  write(chunk: Uint8Array): boolean {
    this.#sizeBytes += chunk.length;
    if (this.#state === "collecting") {
      this.#quietTurns = 0;
      this.#pauses.add(this);
      return this.#spool.write(chunk);
    }
    if (this.#client === null || this.#state === "over") return true;
    if (this.#sizeBytes > this.#maxBytes) {
      this.#source?.cancel();
      this.#end(responseTooLarge(this.#maxBytes));
      return true;
    }
    return this.#client.write(chunk);
  }

  flush(): void {
    if (this.#state === "flowing") this.#client?.flush();
  }

  end(trailers: Fields | null): void {
    if (this.#state === "collecting") {
      this.#pauses.delete(this);
      this.#spool.end(trailers);
    } else if (this.#state === "flowing") {
      this.#client?.end(trailers);
      this.#end(null);
    }
  }

  abort(error: Error): void {
    const client = this.#client;
    this.dispose();
    client?.abort(error);
  }

  dispose(): void {
    this.#state = "over";
    this.#pauses.delete(this);
    this.#spool.dispose();
  }

  /** Nothing came for a moment. */
  onDeadline(): void {
    // A target that is held back because of the disk has not paused.
    this.#quietTurns = this.#spool.writing ? 0 : this.#quietTurns + 1;
    const turns = this.#sizeBytes === 0 ? quietTurnsBeforeBody : quietTurns;
    if (this.#quietTurns < turns) this.#pauses.add(this);
    else this.#release();
  }

  async #collect(): Promise<void> {
    const outcome = await this.#spool.collected;
    if (this.#state !== "collecting") return;
    switch (outcome.kind) {
      case "complete":
        this.#replay((client, trailers) => {
          client.end(trailers);
          this.#end(null);
        });
        break;
      case "too-large":
        this.#end(responseTooLarge(this.#maxBytes));
        break;
      case "failed":
        this.#end(bufferingError(outcome.error));
        break;
      case "aborted":
        break;
    }
  }

  /** From here on the client gets what comes when it comes. */
  #release(): void {
    const source = this.#source!;
    source.pause();
    this.#replay((client) => {
      this.#state = "flowing";
      this.#spool.dispose();
      client.attach(source);
      client.flush();
      if (!this.#clientHolds) source.resume();
    });
  }

  #replay(onEnd: (client: BodySink, trailers: Fields | null) => void): void {
    this.#state = "replaying";
    const client = this.#sendHead();
    this.#client = client;
    const collected = this.#spool.source();
    pipe(collected, {
      attach: (source) => client.attach(source),
      write: (chunk) => {
        const takesMore = client.write(chunk);
        this.#clientHolds = !takesMore;
        return takesMore;
      },
      flush: () => client.flush(),
      end: (trailers) => {
        if (this.#state === "replaying") onEnd(client, trailers);
      },
      abort: (error) => {
        if (this.#state === "replaying") this.#end(bufferingError(error));
      },
    });
  }

  #end(error: ExchangeError | null): void {
    this.dispose();
    this.#onEnded(error);
  }
}
