/**
 * HPACK, the writing side (RFC 7541): fields to a header block in a buffer that all encoders share. Texts
 * are written as they are: in JavaScript the Huffman code costs more than the bytes that it saves.
 * Fields that repeat from head to head go through a small dynamic table.
 */
import { fieldOverheadBytes, staticFields, staticNameIndexes } from "./hpack-static-table.ts";

/** Of the table that remembers fields; the peer may allow less. */
const maxTableBytes = 4_096;
/** Longer values hardly repeat, or would push out all others. */
const maxRememberedValue = 256;
/** A name whose value changed so often in a row is remembered no more. */
const maxMisses = 3;

/** Values that differ in each message, and are not worth a place. */
const neverRemembered = new Set([
  ":path",
  "age",
  "content-length",
  "content-range",
  "etag",
  "expires",
  "if-modified-since",
  "if-none-match",
  "last-modified",
  "link",
  "location",
  "range",
  "traceparent",
  "x-forwarded-for",
  "x-request-id",
  "x-request-start",
  "x-runtime",
]);
/** Not even by those who pass them on: guessing them piece by piece is not to show in sizes (RFC 7541 7.1). */
const sensitive = new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);

/** What was remembered last of one name. */
interface Remembered {
  value: string;
  /** How many fields had been remembered before. */
  number: number;
  /** Values in a row that were others. */
  misses: number;
}

/** Shared, since a block is written in one go. */
let buffer = Buffer.allocUnsafeSlow(16 * 1024);
let length = 0;

export class HpackEncoder {
  #limitBytes = maxTableBytes;
  /** The peer has to be told of another limit. */
  #limitChanged = false;
  readonly #byName = new Map<string, Remembered>();
  /** Bytes of those in the table, oldest first, and how many have left it. */
  #sizes: number[] = [];
  #evicted = 0;
  #tableBytes = 0;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE (RFC 7541 4.2). */
  set peerTableBytes(bytes: number) {
    const limit = Math.min(bytes, maxTableBytes);
    if (limit === this.#limitBytes) return;
    this.#limitBytes = limit;
    this.#limitChanged = true;
    this.#evict(limit);
  }

  /** A new block; what the last one's view shows is overwritten. */
  begin(): void {
    length = 0;
    if (!this.#limitChanged) return;
    this.#limitChanged = false;
    writeInteger(0x20, 0x1f, this.#limitBytes);
  }

  /** The block so far; valid until the next one begins, whoever begins it. */
  get block(): Buffer {
    return buffer.subarray(0, length);
  }

  status(status: number): void {
    makeRoom(8);
    const index = statusIndexes.get(status);
    if (index !== undefined) {
      buffer[length++] = 0x80 | index;
      return;
    }
    buffer[length++] = 0x08;
    buffer[length++] = 3;
    length += buffer.latin1Write(String(status), length);
  }

  /** `name` is in lower case; the value is one byte a character. */
  field(name: string, value: string): void {
    const remembered = this.#byName.get(name);
    if (remembered !== undefined) {
      const isPresent = remembered.number >= this.#evicted;
      if (isPresent && remembered.value === value) {
        remembered.misses = 0;
        makeRoom(8);
        writeInteger(0x80, 0x7f, this.#indexOf(remembered));
        return;
      }
      if (remembered.misses >= maxMisses) {
        this.#literal(0x00, 0x0f, name, value, remembered);
        return;
      }
      this.#remember(name, value, remembered);
      return;
    }
    const index = staticNameIndexes.get(name);
    if (index !== undefined && staticFields[index]!.value !== "") {
      for (let at = index; staticFields[at]?.name === name; at++) {
        if (staticFields[at]!.value !== value) continue;
        makeRoom(8);
        writeInteger(0x80, 0x7f, at);
        return;
      }
    }
    if (sensitive.has(name)) this.#literal(0x10, 0x0f, name, value, undefined);
    else if (value.length > maxRememberedValue || neverRemembered.has(name))
      this.#literal(0x00, 0x0f, name, value, undefined);
    else this.#remember(name, value, undefined);
  }

  #remember(name: string, value: string, before: Remembered | undefined): void {
    const size = name.length + value.length + fieldOverheadBytes;
    if (size > this.#limitBytes || value.length > maxRememberedValue) {
      this.#literal(0x00, 0x0f, name, value, before);
      return;
    }
    this.#literal(0x40, 0x3f, name, value, before);
    this.#evict(this.#limitBytes - size);
    const number = this.#evicted + this.#sizes.length;
    this.#sizes.push(size);
    this.#tableBytes += size;
    if (before === undefined) {
      this.#byName.set(name, { value, number, misses: 0 });
    } else {
      before.value = value;
      before.number = number;
      before.misses++;
    }
  }

  /** RFC 7541 6.2; `known` may have the name in the dynamic table. */
  #literal(
    pattern: number,
    prefix: number,
    name: string,
    value: string,
    known: Remembered | undefined,
  ): void {
    makeRoom(16 + name.length + value.length);
    const inTable = known !== undefined && known.number >= this.#evicted;
    const index = staticNameIndexes.get(name) ?? (inTable ? this.#indexOf(known) : 0);
    writeInteger(pattern, prefix, index);
    if (index === 0) writeText(name);
    writeText(value);
  }

  #indexOf({ number }: Remembered): number {
    const newest = this.#evicted + this.#sizes.length - 1;
    return staticFields.length + newest - number;
  }

  #evict(limitBytes: number): void {
    while (this.#tableBytes > limitBytes) {
      this.#tableBytes -= this.#sizes.shift()!;
      this.#evicted++;
    }
    // Names without end must not be kept without end.
    if (this.#byName.size < (2 * maxTableBytes) / fieldOverheadBytes) return;
    for (const [name, { number }] of this.#byName) {
      if (number < this.#evicted) this.#byName.delete(name);
    }
  }
}

const statusIndexes: ReadonlyMap<number, number> = new Map(
  staticFields
    .map(({ name, value }, index): [string, number, number] => [name, Number(value), index])
    .filter(([name]) => name === ":status")
    .map(([, status, index]) => [status, index]),
);

function makeRoom(bytes: number): void {
  if (length + bytes <= buffer.length) return;
  const larger = Buffer.allocUnsafeSlow(2 * (length + bytes));
  buffer.copy(larger, 0, 0, length);
  buffer = larger;
}

/** RFC 7541 5.1. */
function writeInteger(pattern: number, prefix: number, value: number): void {
  if (value < prefix) {
    buffer[length++] = pattern | value;
    return;
  }
  buffer[length++] = pattern | prefix;
  let rest = value - prefix;
  while (rest >= 0x80) {
    buffer[length++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[length++] = rest;
}

/** RFC 7541 5.2, without Huffman coding. */
function writeText(text: string): void {
  writeInteger(0, 0x7f, text.length);
  length += buffer.latin1Write(text, length);
}
