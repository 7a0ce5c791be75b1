/** Sends the body of one request in the framing that its head states, never more or less of it. */
import type { BodyFraming } from "../../../protocols/http/body-framing.ts";
import type { BodySink, BodySource } from "../../../protocols/http/body.ts";
import { chunkHeader, lastChunk } from "../../../protocols/http1/chunked.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import type { SocketWriter } from "../../../net/socket-writer.ts";
import { brokenBodyError, ExchangeError } from "../../../protocols/http/exchange-error.ts";

export interface RequestBodyOwner {
  /** All of the body was handed to the writer. */
  onRequestBodyEnd(): void;
  /** It can never be completed; the connection is of no use any more. */
  onRequestBodyBroken(error: ExchangeError): void;
}

export class RequestBody implements BodySink {
  readonly passesOn = true;
  readonly #writer: SocketWriter;
  readonly #owner: RequestBodyOwner;
  readonly #chunked: boolean;
  #remaining: number;
  #source: BodySource | null = null;
  #held = false;
  #ended = false;
  #stopped = false;

  constructor(framing: BodyFraming, writer: SocketWriter, owner: RequestBodyOwner) {
    this.#writer = writer;
    this.#owner = owner;
    this.#chunked = framing.kind === "chunked";
    this.#remaining = framing.kind === "length" ? framing.length : 0;
  }

  attach(source: BodySource): void {
    this.#source = source;
  }

  get descriptor(): number {
    return this.#chunked || this.#stopped || this.#ended ? -1 : this.#writer.descriptor;
  }

  passed(bytes: number): void {
    this.#remaining -= bytes;
    this.#writer.passed(bytes);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#stopped || this.#ended) return false;
    const { length } = chunk;
    // An empty chunk would be the last one.
    if (length === 0) return true;
    const writer = this.#writer;
    if (this.#chunked) {
      writer.writeText(chunkHeader(length));
      writer.write(chunk);
      writer.writeText("\r\n");
    } else {
      if (length > this.#remaining) {
        this.#break("request body is longer than its Content-Length");
        return false;
      }
      this.#remaining -= length;
      writer.write(chunk);
    }
    // A broken socket takes no more; its end is reported by the socket itself.
    if (!writer.blocked && !writer.closed) return true;
    this.#held = true;
    return false;
  }

  flush(): void {
    this.#writer.flushSoon();
    // Small writes that have left by now may have been too many for the socket.
    if (this.#held || this.#ended || this.#stopped || !this.#writer.blocked) return;
    this.#held = true;
    this.#source?.pause();
  }

  end(trailers: Fields | null): void {
    if (this.#stopped || this.#ended) return;
    if (this.#remaining > 0) {
      this.#break("request body is shorter than its Content-Length");
      return;
    }
    this.#ended = true;
    if (this.#chunked) this.#writer.writeText(lastChunk(trailers));
    this.#writer.flushSoon();
    this.#owner.onRequestBodyEnd();
  }

  abort(error: Error): void {
    if (this.#stopped || this.#ended) return;
    this.#stopped = true;
    this.#owner.onRequestBodyBroken(brokenBodyError(error));
  }

  /** The socket takes bytes again. */
  onDrained(): void {
    if (!this.#held) return;
    this.#held = false;
    if (!this.#stopped && !this.#ended) this.#source?.resume();
  }

  /** The rest of the body is not wanted. */
  stop(): void {
    if (this.#stopped || this.#ended) return;
    this.#stopped = true;
    this.#source?.cancel();
  }

  #break(message: string): void {
    this.stop();
    this.#owner.onRequestBodyBroken(new ExchangeError("malformed-request", message));
  }
}
