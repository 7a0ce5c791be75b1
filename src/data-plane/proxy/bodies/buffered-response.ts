/**
 * A response that the client gets only once the target has delivered all of it (--buffer-responses).
 * The target is free early, a broken answer becomes a clean 502, and limits are exact.
 */
import { type BodySink, type BodySource, pipe } from "../../../protocols/http/body.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import type { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import { bufferingError, responseTooLarge } from "../answers/failure.ts";
import { SpooledBody, type SpoolOptions } from "./spooled-body.ts";

/** A response that the proxy keeps for a while. */
export interface CollectedResponse extends BodySink {
  /** Frees what was collected; for a client that has gone. */
  dispose(): void;
}

export class BufferedResponse implements CollectedResponse {
  readonly #sendHead: () => BodySink;
  readonly #length: number;
  readonly #spoolOptions: SpoolOptions;
  readonly #onEnded: (error: ExchangeError | null) => void;
  #spool: SpooledBody | null = null;
  #source: BodySource | null = null;
  /** The whole body came in one piece and was passed on without a copy. */
  #direct: BodySink | null = null;
  /** Its Content-Length was beyond the limit. */
  #refused = false;

  /**
   * `sendHead` gives the head to the client and returns where the body goes, `length` is that of the target's.
   * `onEnded` is called once: with null when the client has been given everything.
   */
  constructor(
    sendHead: () => BodySink,
    length: number,
    spoolOptions: SpoolOptions,
    onEnded: (error: ExchangeError | null) => void,
  ) {
    this.#sendHead = sendHead;
    this.#length = length;
    this.#spoolOptions = spoolOptions;
    this.#onEnded = onEnded;
  }

  get passesOn(): boolean {
    return this.#direct === null || this.#direct.passesOn === true;
  }

  attach(source: BodySource): void {
    this.#source = source;
    if (!this.#tooLarge(this.#length)) return;
    // Why wait for what nobody will get?
    this.#refused = true;
    source.cancel();
    this.#onEnded(responseTooLarge(this.#spoolOptions.maxBytes));
  }

  write(chunk: Uint8Array): boolean {
    if (this.#refused) return true;
    if (this.#spool === null) {
      if (chunk.length === this.#length && chunk.length <= this.#spoolOptions.maxDirectBytes) {
        this.#direct = this.#sendHead();
        this.#direct.write(chunk);
        return true;
      }
      this.#startSpool();
    }
    return this.#spool!.write(chunk);
  }

  flush(): void {}

  end(trailers: Fields | null): void {
    if (this.#refused) return;
    if (this.#direct !== null || this.#spool === null) {
      (this.#direct ?? this.#sendHead()).end(trailers);
      this.#onEnded(null);
      return;
    }
    this.#spool.end(trailers);
  }

  abort(error: Error): void {
    if (this.#direct !== null) this.#direct.abort(error);
    this.#spool?.dispose();
    this.#spool = null;
  }

  dispose(): void {
    this.#spool?.dispose();
    this.#spool = null;
  }

  #tooLarge(bytes: number): boolean {
    return this.#spoolOptions.maxBytes > 0 && bytes > this.#spoolOptions.maxBytes;
  }

  #startSpool(): void {
    const spool = new SpooledBody(this.#spoolOptions);
    this.#spool = spool;
    if (this.#source !== null) spool.attach(this.#source);
    void spool.collected.then((outcome) => {
      if (this.#spool !== spool) return;
      if (outcome.kind === "complete") {
        this.#replay(spool);
        return;
      }
      this.dispose();
      if (outcome.kind === "too-large") {
        this.#onEnded(responseTooLarge(this.#spoolOptions.maxBytes));
      } else if (outcome.kind === "failed") {
        this.#onEnded(bufferingError(outcome.error));
      }
    });
  }

  /** Sends what was collected, and frees it at the end. */
  #replay(spool: SpooledBody): void {
    const client = this.#sendHead();
    const onEnded = this.#onEnded;
    pipe(spool.source(), {
      attach: (source) => client.attach(source),
      write: (chunk) => client.write(chunk),
      flush: () => client.flush(),
      end(trailers) {
        client.end(trailers);
        spool.dispose();
        onEnded(null);
      },
      abort(error) {
        client.abort(error);
        spool.dispose();
        onEnded(bufferingError(error));
      },
    });
  }
}
