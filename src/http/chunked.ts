/** The chunked transfer coding (RFC 9112 7.1): a strict decoder that can be fed at any split. */
import { Fields } from "./fields.ts";
import { HeadError, parseFieldLines } from "./head-parser.ts";

export interface ChunkedLimits {
  maxLineBytes: number;
  maxTrailerBytes: number;
  maxFields: number;
}

export interface ChunkedConsumer {
  /** Bytes of the body; valid during the call only. */
  onChunk(data: Uint8Array): void;
}

type State = "size" | "data" | "data-end" | "trailers" | "done";

const sizeLine = /^([0-9A-Fa-f]{1,16})[\t ]*(;[\t\x20-\x7e\x80-\xff]*)?$/;

export class ChunkedDecoder {
  readonly #limits: ChunkedLimits;
  readonly #consumer: ChunkedConsumer;
  #state: State = "size";
  #remaining = 0;
  /** An unfinished size line or trailer section. */
  #text = "";
  #trailers: Fields | null = null;

  constructor(consumer: ChunkedConsumer, limits: ChunkedLimits) {
    this.#consumer = consumer;
    this.#limits = limits;
  }

  get done(): boolean {
    return this.#state === "done";
  }

  /** Trailer fields, once done; null when there were none. */
  get trailers(): Fields | null {
    return this.#trailers;
  }

  /**
   * Decodes from `offset`; returns the index behind the last byte that belongs to the body
   * (the buffer's length while it is not done), or an error after which nothing can be trusted.
   */
  feed(bytes: Buffer, offset: number): number | HeadError {
    let position = offset;
    while (position < bytes.length && this.#state !== "done") {
      if (this.#state === "data") {
        const end = Math.min(bytes.length, position + this.#remaining);
        this.#consumer.onChunk(bytes.subarray(position, end));
        this.#remaining -= end - position;
        position = end;
        if (this.#remaining === 0) this.#state = "data-end";
        continue;
      }
      // The line-based states collect text up to the next LF.
      const lineFeed = bytes.indexOf(0x0a, position);
      const end = lineFeed < 0 ? bytes.length : lineFeed + 1;
      const limit =
        this.#state === "trailers" ? this.#limits.maxTrailerBytes : this.#limits.maxLineBytes;
      if (this.#text.length + (end - position) > limit) {
        return this.#state === "trailers"
          ? new HeadError(431, "trailer section too large")
          : new HeadError(400, "chunk line too long");
      }
      this.#text += bytes.latin1Slice(position, end);
      position = end;
      if (lineFeed >= 0) {
        const error = this.#line();
        if (error !== undefined) return error;
      }
    }
    return position;
  }

  /** One more line is complete at the end of the collected text. */
  #line(): HeadError | undefined {
    if (!this.#text.endsWith("\r\n")) return new HeadError(400, "bare LF in chunked body");
    if (this.#state === "size") return this.#sizeLine();
    if (this.#state === "data-end") {
      if (this.#text !== "\r\n") return new HeadError(400, "chunk data without CRLF");
      this.#text = "";
      this.#state = "size";
      return undefined;
    }
    return this.#trailerLine();
  }

  #sizeLine(): HeadError | undefined {
    const match = sizeLine.exec(this.#text.slice(0, -2));
    if (match === null) return new HeadError(400, "malformed chunk size");
    const size = Number.parseInt(match[1]!, 16);
    if (!Number.isSafeInteger(size)) return new HeadError(400, "chunk size out of range");
    this.#text = "";
    this.#remaining = size;
    this.#state = size === 0 ? "trailers" : "data";
    return undefined;
  }

  #trailerLine(): HeadError | undefined {
    const isEnd = this.#text === "\r\n" || this.#text.endsWith("\r\n\r\n");
    if (!isEnd) return undefined;
    if (this.#text !== "\r\n") {
      const section = this.#text.slice(0, -2);
      // oxlint-disable-next-line no-control-regex
      if (/[^\t\r\n\x20-\x7e\x80-\xff]/.test(section)) {
        return new HeadError(400, "control character in trailers");
      }
      const fields = parseFieldLines(section, 0, this.#limits.maxFields);
      if (fields instanceof HeadError) return fields;
      this.#trailers = withoutUnsafeTrailers(fields);
    }
    this.#text = "";
    this.#state = "done";
    return undefined;
  }
}

/** Fields that must not be trailers: framing, routing, authentication (RFC 9110 6.5.1). */
const unsafeTrailers = new Set([
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "host",
  "keep-alive",
  "max-forwards",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "range",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "www-authenticate",
]);

function withoutUnsafeTrailers(fields: Fields): Fields | null {
  const safe = new Fields();
  for (let i = 0; i < fields.count; i++) {
    const key = fields.keys[i]!;
    if (unsafeTrailers.has(key) || key.startsWith("x-forwarded-")) continue;
    safe.append(fields.names[i]!, fields.values[i]!, key);
  }
  return safe.count === 0 ? null : safe;
}

/** The line before `length` bytes of chunk data; CRLF follows the data. */
export function chunkHeader(length: number): string {
  return `${length.toString(16)}\r\n`;
}

/** The last chunk with its trailer section. */
export function lastChunk(trailers: Fields | null): string {
  if (trailers === null) return "0\r\n\r\n";
  let text = "0\r\n";
  for (let i = 0; i < trailers.count; i++)
    text += `${trailers.names[i]}: ${trailers.values[i]}\r\n`;
  return `${text}\r\n`;
}
