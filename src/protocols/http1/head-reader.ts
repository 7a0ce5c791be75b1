/** Finds heads in the bytes of a connection, however they are cut (RFC 9112 2.2). For both sides. */
import { maxFieldCount, maxLeadingEmptyLines } from "../../config/limits.ts";
import { hopelessRequestStart, hopelessResponseStart } from "./head-parser.ts";
import { HeadFault } from "../http/head-fault.ts";

const endOfHead = Buffer.from("\r\n\r\n");
const carriageReturn = 0x0d;
const lineFeed = 0x0a;
/** A head that is still incomplete at this size has been checked for nonsense already. */
const hopelessCheckBytes = 4_096;
/** Beyond the fields: the request line, and empty ones before it. */
const maxLines = maxFieldCount + 1 + maxLeadingEmptyLines;

export class HeadReader {
  readonly #hopelessStart: (text: string) => HeadFault | null;
  readonly #maxEmptyLines: number;
  readonly #maxHeadBytes: number;
  /** Bytes behind the offset in which the end of the head is known not to begin. */
  #scanned = 0;
  /** Bytes behind the offset whose lines were looked at, and how many these were. */
  #checked = 0;
  #lines = 0;
  /** Index behind the head that was read last, its empty line included. */
  end = 0;

  constructor(kind: "request" | "response", maxHeadBytes: number) {
    const isRequest = kind === "request";
    this.#hopelessStart = isRequest ? hopelessRequestStart : hopelessResponseStart;
    // Before a response an empty line is no courtesy but a mistake.
    this.#maxEmptyLines = isRequest ? maxLeadingEmptyLines : 0;
    this.#maxHeadBytes = maxHeadBytes;
  }

  /**
   * The text of the head that begins at `offset`, for the parser; null while it is incomplete: then
   * it has to be called again with the same bytes and more. An error when it can't become a head.
   */
  read(bytes: Buffer, offset: number): string | null | HeadFault {
    let start = offset;
    const firstLine = offset + 2 * this.#maxEmptyLines;
    while (start < firstLine && bytes[start] === carriageReturn && bytes[start + 1] === lineFeed) {
      start += 2;
    }
    const found = bytes.indexOf(endOfHead, Math.max(start, offset + this.#scanned));
    if (found < 0) return this.#incomplete(bytes, offset, start);
    this.reset();
    if (found - start > this.#maxHeadBytes) return new HeadFault(431, "head too large");
    this.end = found + endOfHead.length;
    return bytes.latin1Slice(start, found + 2);
  }

  /** Forgets a head that is not complete. */
  reset(): void {
    this.#scanned = 0;
    this.#checked = 0;
    this.#lines = 0;
  }

  #incomplete(bytes: Buffer, offset: number, start: number): null | HeadFault {
    const length = bytes.length - start;
    if (length > this.#maxHeadBytes) return new HeadFault(431, "head too large");
    if (length > 0 && this.#scanned < hopelessCheckBytes) {
      const checkedEnd = Math.min(bytes.length, start + 2 * hopelessCheckBytes);
      const fault = this.#hopelessStart(bytes.latin1Slice(start, checkedEnd));
      if (fault !== null) return fault;
    }
    this.#scanned = Math.max(0, bytes.length - offset - (endOfHead.length - 1));
    return this.#lineFault(bytes, offset);
  }

  /** Line ends that are none (RFC 9112 2.2): waiting for the end of such a head would be in vain. */
  #lineFault(bytes: Buffer, offset: number): null | HeadFault {
    let position = offset + this.#checked;
    for (;;) {
      const newline = bytes.indexOf(lineFeed, position);
      const end = bytes.indexOf(carriageReturn, position);
      if (end < 0 ? newline >= 0 : newline >= 0 && newline < end) {
        return new HeadFault(400, "bare LF", this.#lines + 1);
      }
      if (end >= 0 && end + 1 < bytes.length && newline !== end + 1) {
        return new HeadFault(400, "bare CR", this.#lines + 1);
      }
      if (newline < 0) {
        // The LF of a CR at the end may still come.
        this.#checked = (end < 0 ? bytes.length : end) - offset;
        return null;
      }
      position = newline + 1;
      if (++this.#lines > maxLines) return new HeadFault(431, "too many fields");
    }
  }
}
