/** The body of a Request as a source: read chunk by chunk, so that flow control holds the client back. */
import type { BodySink, BodySource } from "../../../protocols/http/body.ts";
import { ExchangeError } from "../../../protocols/http/exchange-error.ts";

export class FetchRequestBody implements BodySource {
  readonly #stream: ReadableStream<Uint8Array> | null;
  /** -1: not announced. */
  readonly #length: number;
  readonly #nowMs: () => number;
  #received = 0;
  #reader: BodyReader | null = null;
  #sink: BodySink | null = null;
  #held = false;
  #reading = false;
  #waitingSinceMs = 0;

  constructor(stream: ReadableStream<Uint8Array> | null, length: number, nowMs: () => number) {
    this.#stream = stream;
    this.#length = length;
    this.#nowMs = nowMs;
  }

  /** How long the client has owed the next byte. */
  stalledMs(nowMs: number): number {
    return this.#reading && this.#sink !== null ? nowMs - this.#waitingSinceMs : 0;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    if (this.#stream === null) {
      this.#end();
      return;
    }
    this.#reader = this.#stream.getReader();
    void this.#read();
  }

  pause(): void {
    this.#held = true;
  }

  resume(): void {
    if (!this.#held) return;
    this.#held = false;
    void this.#read();
  }

  cancel(): void {
    this.#sink = null;
    this.#reader?.cancel().catch(ignore);
  }

  /** The client is gone: what it sent is incomplete. */
  clientGone(): void {
    this.#abort("client-gone", "the client went away");
  }

  async #read(): Promise<void> {
    const reader = this.#reader;
    if (this.#reading || reader === null) return;
    this.#reading = true;
    try {
      while (!this.#held && this.#sink !== null) {
        this.#waitingSinceMs = this.#nowMs();
        const { done, value } = await reader.read();
        if (this.#sink === null) break;
        if (done || value === undefined) {
          this.#end();
          break;
        }
        this.#received += value.length;
        if (!this.#sink.write(value)) this.#held = true;
        // `write` may have cancelled this source.
        (this.#sink as BodySink | null)?.flush();
      }
    } catch {
      this.clientGone();
    } finally {
      this.#reading = false;
    }
  }

  #end(): void {
    // HTTP/3 bodies reach us whatever was announced (RFC 9114 4.1.2).
    if (this.#length >= 0 && this.#received !== this.#length) {
      this.#abort("malformed-request", "request body does not match its Content-Length");
      return;
    }
    const sink = this.#sink;
    this.#sink = null;
    sink?.end(null);
  }

  #abort(code: "client-gone" | "malformed-request", message: string): void {
    const sink = this.#sink;
    this.#sink = null;
    sink?.abort(new ExchangeError(code, message));
  }
}

/** What the readers of Node's and Bun's types have in common. */
interface BodyReader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

function ignore(): void {}
