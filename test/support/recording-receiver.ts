/** Writes down what a transport says about one response, in order. */
import type { BodyFraming } from "../../src/protocols/http/body-framing.ts";
import type { BodySink, BodySource, Duplex } from "../../src/protocols/http/body.ts";
import type { Fields } from "../../src/protocols/http/fields.ts";
import type { ResponseHead } from "../../src/protocols/http/message-head.ts";
import type { ExchangeError } from "../../src/protocols/http/exchange-error.ts";
import type { ResponseReceiver } from "../../src/data-plane/upstream/upstream-request.ts";
import { waitFor } from "./wait-for.ts";

export class RecordingReceiver implements ResponseReceiver, BodySink {
  /** `1xx`, `head`, `upgrade`, `end`, `abort`, `complete`, `error` as they came. */
  readonly events: string[] = [];
  readonly informational: number[] = [];
  head: ResponseHead | null = null;
  framing: BodyFraming | null = null;
  source: BodySource | null = null;
  tunnel: Duplex | null = null;
  trailers: Fields | null = null;
  error: ExchangeError | null = null;
  bodyBytes = 0;
  /** Body bytes not covered by a flush. */
  unflushedBytes = 0;
  /** What `write` returns: false holds the response back. */
  takesMore = true;
  onEvent: ((event: string) => void) | null = null;
  readonly #chunks: Buffer[] = [];
  readonly #keepsBody: boolean;

  constructor(options: { keepsBody?: boolean } = {}) {
    this.#keepsBody = options.keepsBody ?? true;
  }

  get body(): string {
    return Buffer.concat(this.#chunks).toString("latin1");
  }

  get isOver(): boolean {
    return this.events.some((event) => ["complete", "error", "upgrade"].includes(event));
  }

  /** Waits for the last word and returns it. */
  async outcome(): Promise<string> {
    await waitFor(() => this.isOver, "the outcome of a request");
    return this.events.at(-1)!;
  }

  onInformational(status: number): void {
    this.informational.push(status);
    this.#event("1xx");
  }

  onHead(head: ResponseHead, framing: BodyFraming): BodySink {
    this.head = head;
    this.framing = framing;
    this.#event("head");
    return this;
  }

  onUpgrade(head: ResponseHead, tunnel: Duplex): void {
    this.head = head;
    this.tunnel = tunnel;
    this.#event("upgrade");
  }

  onError(error: ExchangeError): void {
    this.error = error;
    this.#event("error");
  }

  onComplete(): void {
    this.#event("complete");
  }

  attach(source: BodySource): void {
    this.source = source;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#keepsBody) this.#chunks.push(Buffer.from(chunk));
    this.bodyBytes += chunk.length;
    this.unflushedBytes += chunk.length;
    return this.takesMore;
  }

  flush(): void {
    this.unflushedBytes = 0;
  }

  end(trailers: Fields | null): void {
    this.trailers = trailers;
    this.#event("end");
  }

  abort(): void {
    this.#event("abort");
  }

  #event(event: string): void {
    this.events.push(event);
    this.onEvent?.(event);
  }
}
