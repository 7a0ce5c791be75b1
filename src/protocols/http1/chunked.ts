/** The chunked transfer coding (RFC 9112 7.1): a strict decoder that can be fed at any split. */
import { maxChunkLineBytes, maxFieldCount, maxTrailerBytes } from "../../config/limits.ts";
import type { Fields } from "../http/fields.ts";
import { withoutUnsafeTrailers } from "../http/trailers.ts";
import { appendFields } from "./head-serializer.ts";
import { parseFieldLines } from "./head-parser.ts";
import { HeadFault } from "../http/head-fault.ts";

export interface ChunkedLimits {
  maxLineBytes: number;
  maxTrailerBytes: number;
  maxFields: number;
}

/** One set for requests and responses. */
export const chunkedLimits: ChunkedLimits = {
  maxLineBytes: maxChunkLineBytes,
  maxTrailerBytes,
  maxFields: maxFieldCount,
};

export interface ChunkedConsumer {
  /**
   * Bytes of the body, a part of what was fed: they may be kept if that is not written again.
   * False: taken, but the rest of what was fed should wait.
   */
  onChunk(data: Uint8Array): boolean;
}

type State =
  /** The digits of a chunk size. */
  | "size"
  /** Blanks behind them, which only an extension may follow. */
  | "size-blanks"
  | "extension"
  /** Behind the CR of the size line. */
  | "size-end"
  | "data"
  /** Before and behind the CR that follows the data. */
  | "data-cr"
  | "data-lf"
  | "trailers"
  | "done";

const maxSizeDigits = 16;
/** Framing of single bytes is honest; a chunk that brings more than this beyond its data is not. */
const freeOverheadBytes = 16;

/** Larger chunks are handed on where they are. */
const maxMovedBytes = 4 * 1024;
/** So many are handed on together at most: the consumer may want to stop between them. */
const maxGatheredChunks = 64;

export class ChunkedDecoder {
  readonly #limits: ChunkedLimits;
  readonly #consumer: ChunkedConsumer;
  #state: State = "size";
  /** Of the current size line, or of the trailer section. */
  #lineBytes = 0;
  #digits = 0;
  #remaining = 0;
  /** What chunks cost beyond what their data justifies, as in Go's net/http. */
  #overheadBytes = 0;
  #trailerLine = "";
  #trailerSection = "";
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
   * Decodes from `offset`; returns the index behind the last byte that was read (of the body, once it is
   * done; else the buffer's length, or less when the consumer wants no more for now), or an error after
   * which nothing can be trusted. Small chunks are moved together within what was read already: handed on one
   * by one, a byte in a chunk of its own cost 100 bytes of memory and a microsecond.
   */
  feed(bytes: Buffer, offset: number): number | HeadFault {
    let position = offset;
    // Data that was moved together and not handed on yet, and of how many chunks it is.
    let start = 0;
    let end = 0;
    let gathered = 0;
    let error: HeadFault | undefined;
    while (position < bytes.length && this.#state !== "done" && error === undefined) {
      if (this.#state === "data") {
        const from = position;
        position = Math.min(bytes.length, from + this.#remaining);
        this.#remaining -= position - from;
        if (this.#remaining === 0) this.#state = "data-cr";
        if (gathered > 0 && position - from <= maxMovedBytes) {
          moveDown(bytes, end, from, position);
          end += position - from;
        } else {
          if (gathered > 0) this.#consumer.onChunk(bytes.subarray(start, end));
          gathered = 0;
          start = from;
          end = position;
        }
        if (++gathered >= maxGatheredChunks) {
          gathered = 0;
          if (!this.#consumer.onChunk(bytes.subarray(start, end))) return position;
        }
      } else if (this.#state === "trailers") {
        const newline = bytes.indexOf(lineFeed, position);
        const lineEnd = newline < 0 ? bytes.length : newline + 1;
        error = this.#trailerText(bytes.latin1Slice(position, lineEnd));
        position = lineEnd;
      } else {
        error = this.#framingByte(bytes[position]!);
        position++;
      }
    }
    if (gathered > 0) this.#consumer.onChunk(bytes.subarray(start, end));
    return error ?? position;
  }

  /** One byte of a size line or of the line end behind the data. */
  #framingByte(byte: number): HeadFault | undefined {
    if (this.#state === "data-cr") {
      if (byte !== carriageReturn) return malformed("chunk data without CRLF");
      this.#state = "data-lf";
      return undefined;
    }
    if (this.#state === "data-lf") {
      if (byte !== lineFeed) return malformed("chunk data without CRLF");
      this.#state = "size";
      return undefined;
    }

    if (++this.#lineBytes > this.#limits.maxLineBytes) return malformed("chunk line too long");
    if (this.#state === "size-end") {
      return byte === lineFeed ? this.#sizeLineEnded() : malformed("bare CR in chunk line");
    }
    if (this.#state === "size") {
      const digit = hexDigit(byte);
      if (digit >= 0) {
        if (++this.#digits > maxSizeDigits) return malformed("chunk size too long");
        this.#remaining = this.#remaining * 16 + digit;
        return undefined;
      }
      if (this.#digits === 0) return malformed("chunk without size");
    }
    return this.#behindSize(byte);
  }

  #behindSize(byte: number): HeadFault | undefined {
    if (this.#state === "extension") {
      if (byte === carriageReturn) this.#state = "size-end";
      else if (isControl(byte)) return malformed("control character in chunk extension");
      return undefined;
    }
    if (byte === semicolon) this.#state = "extension";
    else if (byte === space || byte === tab) this.#state = "size-blanks";
    else if (byte === carriageReturn && this.#state === "size") this.#state = "size-end";
    else return malformed("malformed chunk size");
    return undefined;
  }

  #sizeLineEnded(): HeadFault | undefined {
    const size = this.#remaining;
    // Beyond 2^53 the sum above was not exact; no chunk is that long.
    if (!Number.isSafeInteger(size)) return malformed("chunk size out of range");
    const overhead = this.#lineBytes - freeOverheadBytes - 2 * size;
    this.#overheadBytes = Math.max(0, this.#overheadBytes + overhead);
    if (this.#overheadBytes > 4 * this.#limits.maxLineBytes) {
      return malformed("too much chunk framing for its data");
    }
    this.#lineBytes = 0;
    this.#digits = 0;
    this.#state = size === 0 ? "trailers" : "data";
    return undefined;
  }

  #trailerText(text: string): HeadFault | undefined {
    this.#lineBytes += text.length;
    if (this.#lineBytes > this.#limits.maxTrailerBytes) {
      return malformed("trailer section too large");
    }
    this.#trailerLine += text;
    if (!text.endsWith("\n")) return undefined;
    if (this.#trailerLine !== "\r\n") {
      if (this.#trailerLine === "\n") return malformed("bare LF in trailers");
      this.#trailerSection += this.#trailerLine;
      this.#trailerLine = "";
      return undefined;
    }
    this.#state = "done";
    if (this.#trailerSection === "") return undefined;
    const fields = parseFieldLines(this.#trailerSection, 0, this.#limits.maxFields);
    if (fields instanceof HeadFault) return malformed(`${fields.reason} of trailers`);
    this.#trailers = withoutUnsafeTrailers(fields);
    return undefined;
  }
}

/** To an earlier place of the same buffer; for a few bytes a call costs more than they do. */
function moveDown(bytes: Buffer, to: number, from: number, end: number): void {
  if (end - from > 32) {
    bytes.copyWithin(to, from, end);
    return;
  }
  for (let i = from, target = to; i < end; i++, target++) bytes[target] = bytes[i]!;
}

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const semicolon = 0x3b;
const space = 0x20;
const tab = 0x09;

function malformed(reason: string): HeadFault {
  return new HeadFault(400, reason);
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function isControl(byte: number): boolean {
  return (byte < 0x20 && byte !== tab) || byte === 0x7f;
}

/** The line before `length` bytes of chunk data; CRLF follows the data. */
export function chunkHeader(length: number): string {
  return `${length.toString(16)}\r\n`;
}

/** The last chunk with its trailer section. */
export function lastChunk(trailers: Fields | null): string {
  if (trailers === null) return "0\r\n\r\n";
  return `${appendFields("0\r\n", trailers, null)}\r\n`;
}
