/**
 * Reads the responses of one upstream connection from bytes split anywhere. Pure: what it finds goes to
 * a handler; what it can't trust is a reason, after which the connection must be closed.
 */
import {
  maxChunkLineBytes,
  maxFieldCount,
  maxInformationalResponses,
  maxResponseHeadBytes,
  maxTrailerBytes,
} from "../../config/defaults.ts";
import { type BodyFraming, isEmptyBody } from "../http/body-framing.ts";
import { ChunkedDecoder, type ChunkedLimits } from "./chunked.ts";
import type { Fields } from "../http/fields.ts";
import { namesTooMuch } from "../http/hop-by-hop.ts";
import { parseResponseHead } from "./head-parser.ts";
import { responseFraming } from "./framing.ts";
import type { VersionedResponseHead } from "./response-head.ts";
import { HeadFault } from "../http/head-fault.ts";

export interface ResponseHandler {
  /** 1xx other than 101. */
  onInformational(head: VersionedResponseHead): void;
  /** 101; `rest` are the bytes behind it. The parser has stopped. */
  onSwitch(head: VersionedResponseHead, rest: Uint8Array): void;
  onHead(head: VersionedResponseHead, framing: BodyFraming): void;
  /**
   * A part of what was fed: it may be kept, since whoever feeds does not write there again.
   * False: taken, but further chunks of what was fed should wait.
   */
  onBody(chunk: Uint8Array): boolean;
  /** The response is complete; `excess` says that bytes nobody asked for came behind it. */
  onEnd(trailers: Fields | null, excess: boolean): void;
}

const chunkedLimits: ChunkedLimits = {
  maxLineBytes: maxChunkLineBytes,
  maxTrailerBytes,
  maxFields: maxFieldCount,
};

type State = "stopped" | "head" | "length" | "chunked" | "until-close";

const endOfHead = Buffer.from("\r\n\r\n");
/** A head that is still unfinished is looked at for nonsense up to here. */
const checkedStartBytes = 4 * 1024;

export class ResponseParser {
  #state: State = "stopped";
  #handler: ResponseHandler | null = null;
  #method = "";
  /** An unfinished head, and its last characters, in which the empty line may have begun. */
  #text = "";
  #seam = "";
  #informationalCount = 0;
  #remaining = 0;
  #decoder: ChunkedDecoder | null = null;
  #started = false;

  /** Expects the response to a request of that method. */
  start(method: string, handler: ResponseHandler): void {
    this.#state = "head";
    this.#handler = handler;
    this.#method = method;
    this.#text = "";
    this.#informationalCount = 0;
    this.#decoder = null;
    this.#started = false;
  }

  /** Nothing is handed on any more, even in the middle of `feed`. */
  stop(): void {
    this.#state = "stopped";
    this.#handler = null;
    this.#text = "";
    this.#decoder = null;
  }

  /** Whether a single byte of the response has come. */
  get started(): boolean {
    return this.#started;
  }

  /** Bytes that are still to come of a body of known length. */
  get bodyRemaining(): number {
    return this.#state === "length" ? this.#remaining : 0;
  }

  /** So many bytes of the body went another way; `excess`: more came behind the last one. */
  skipBody(bytes: number, excess: boolean): void {
    if (this.#state !== "length") return;
    this.#remaining -= bytes;
    if (this.#remaining === 0) this.#end(null, excess);
  }

  /**
   * Takes bytes from `offset` on; returns why they can't be a response, or the index of the first one that
   * was not taken: there are such only when the handler wants no more chunks for now.
   */
  feed(bytes: Buffer, offset = 0): string | number {
    this.#started = true;
    let position = offset;
    while (position < bytes.length) {
      switch (this.#state) {
        case "head": {
          const next = this.#feedHead(bytes, position);
          if (typeof next === "string") return next;
          position = next;
          break;
        }
        case "length":
          position = this.#feedLength(bytes, position);
          break;
        case "chunked": {
          const decoder = this.#decoder!;
          const next = decoder.feed(bytes, position);
          if (next instanceof HeadFault) return next.reason;
          position = next;
          if (this.#decoder !== decoder) return bytes.length;
          if (decoder.done) this.#end(decoder.trailers, position < bytes.length);
          else return position;
          break;
        }
        case "until-close":
          this.#handler!.onBody(position === 0 ? bytes : bytes.subarray(position));
          return bytes.length;
        default:
          return bytes.length;
      }
    }
    return position;
  }

  /** The peer ended its side in good order. True when that completed the response. */
  finish(): boolean {
    if (this.#state !== "until-close") return false;
    this.#end(null, false);
    return true;
  }

  /** For the decoder. */
  onChunk(data: Uint8Array): boolean {
    // The handler may have stopped us at an earlier chunk of the same bytes.
    return this.#state === "chunked" && this.#handler!.onBody(data);
  }

  #feedHead(bytes: Buffer, position: number): number | string {
    if (this.#text !== "") return this.#feedRestOfHead(bytes, position);
    const end = bytes.indexOf(endOfHead, position);
    if (end < 0) {
      const unfinished = bytes.latin1Slice(position, bytes.length);
      if (unfinished.length > maxResponseHeadBytes) return "response head too large";
      this.#text = unfinished;
      this.#seam = unfinished.slice(-3);
      return hopelessStart(unfinished) ?? bytes.length;
    }
    if (end + 4 - position > maxResponseHeadBytes) return "response head too large";
    return this.#head(bytes.latin1Slice(position, end + 2), bytes, end + 4);
  }

  /** The head began in an earlier read: only the new bytes are searched, with the seam. */
  #feedRestOfHead(bytes: Buffer, position: number): number | string {
    const before = this.#text;
    const room = maxResponseHeadBytes - before.length;
    const added = bytes.latin1Slice(position, Math.min(bytes.length, position + room));
    const seam = this.#seam;
    const searched = seam + added;
    const end = searched.indexOf("\r\n\r\n");
    if (end < 0) {
      this.#seam = searched.slice(-3);
      if (bytes.length - position >= room) return "response head too large";
      this.#text = before + added;
      if (this.#text.length <= checkedStartBytes) {
        return hopelessStart(this.#text) ?? bytes.length;
      }
      return bytes.length;
    }
    this.#text = "";
    const used = end - seam.length + 4;
    return this.#head((before + added.slice(0, used)).slice(0, -2), bytes, position + used);
  }

  #head(text: string, bytes: Buffer, position: number): number | string {
    const head = parseResponseHead(text, maxFieldCount);
    if (head instanceof HeadFault) return head.reason;
    if (namesTooMuch(head.fields)) return "too many elements of Connection";
    if (head.status < 200) return this.#interim(head, bytes, position);

    const framing = responseFraming(head, this.#method);
    if (framing instanceof HeadFault) return framing.reason;
    if (framing.kind === "length") {
      this.#state = "length";
      this.#remaining = framing.length;
    } else if (framing.kind === "chunked") {
      this.#state = "chunked";
      this.#decoder = new ChunkedDecoder(this, chunkedLimits);
    } else if (framing.kind === "until-close") {
      this.#state = "until-close";
    }
    const isEmpty = isEmptyBody(framing);
    const handler = this.#handler!;
    handler.onHead(head, framing);
    if (isEmpty && this.#handler === handler) this.#end(null, position < bytes.length);
    return position;
  }

  #interim(head: VersionedResponseHead, bytes: Buffer, position: number): number | string {
    const handler = this.#handler!;
    const { fields } = head;
    if (head.status === 101) {
      fields.delete("content-length");
      this.stop();
      handler.onSwitch(head, bytes.subarray(position));
      return bytes.length;
    }
    if (++this.#informationalCount > maxInformationalResponses) {
      return "too many informational responses";
    }
    // RFC 9112 6.3: a 1xx ends with its empty line; framing fields in it only serve to confuse.
    if (fields.has("transfer-encoding") || hasLength(fields)) {
      return "informational response with a body";
    }
    fields.delete("content-length");
    handler.onInformational(head);
    return position;
  }

  #feedLength(bytes: Buffer, position: number): number {
    const handler = this.#handler!;
    const end = Math.min(bytes.length, position + this.#remaining);
    this.#remaining -= end - position;
    const isWhole = position === 0 && end === bytes.length;
    handler.onBody(isWhole ? bytes : bytes.subarray(position, end));
    if (this.#remaining === 0 && this.#handler === handler) this.#end(null, end < bytes.length);
    return end;
  }

  #end(trailers: Fields | null, excess: boolean): void {
    const handler = this.#handler!;
    // Before the handler hears of it: it may start the next request.
    this.stop();
    handler.onEnd(trailers, excess);
  }
}

function hasLength(fields: Fields): boolean {
  const length = fields.get("content-length");
  return length !== undefined && length !== "0";
}

const statusLineStart = "HTTP/1.";
const statusLine = /^HTTP\/1\.[01] [1-9]\d\d[ \r]/;
// oxlint-disable-next-line no-control-regex
const forbiddenCharacter = /[^\t\r\n\x20-\x7e\x80-\xff]/;

/** Why the start of a head can never become one: the sender then need not be waited for. */
function hopelessStart(text: string): string | null {
  const start = text.slice(0, statusLineStart.length);
  if (!statusLineStart.startsWith(start)) return "malformed status line";
  if (forbiddenCharacter.test(text)) return "control character in head";
  const lineFeed = text.indexOf("\n");
  if (lineFeed < 0) return null;
  if (text.charCodeAt(lineFeed - 1) !== 0x0d) return "bare LF in status line";
  return statusLine.test(text) ? null : "malformed status line";
}
