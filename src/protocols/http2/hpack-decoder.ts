/**
 * HPACK, the reading side (RFC 7541): header blocks to fields. It works on the received bytes; a field of
 * the table is one object for all heads that refer to it.
 */
import { fieldOverheadBytes, HeaderField, staticFields } from "./hpack-static-table.ts";
import { decodeHuffman } from "./huffman.ts";

export interface FieldSink {
  /** False: no more fields are wanted, the block is refused as a whole. */
  field(field: HeaderField): boolean;
}

/** What is asked of the peer's encoder: the default (RFC 9113 6.5.2). */
const maxTableBytes = 4_096;
/** A block may change the size twice: to the smallest since the last block, and to the present one. */
const maxSizeUpdates = 2;
/** Longer than any block that is read: what overflows is nonsense (RFC 7541 5.1). */
const maxInteger = 1 << 28;

export class HpackDecoder {
  /** Newest last; those before `#oldest` were evicted. */
  #table: HeaderField[] = [];
  #oldest = 0;
  #tableBytes = 0;
  #limitBytes = maxTableBytes;
  /** Behind what was read last. */
  #at = 0;

  /** Null when the block was read to its end, else why not: the connection can't go on then (RFC 9113 4.3). */
  decode(bytes: Buffer, start: number, end: number, to: FieldSink): string | null {
    this.#at = start;
    let sizeUpdates = 0;
    let fields = 0;
    while (this.#at < end) {
      const first = bytes[this.#at]!;
      let field: HeaderField | string;
      if (first >= 0x80) {
        // Indexed field (RFC 7541 6.1).
        const index = this.#integer(bytes, end, 0x7f);
        const found = index > 0 ? this.#lookUp(index) : undefined;
        if (found === undefined) return "index beyond the tables";
        field = found;
      } else if (first >= 0x40) {
        // Literal with indexing (6.2.1).
        field = this.#literal(bytes, end, 0x3f);
        if (typeof field === "string") return field;
        this.#add(field);
      } else if (first >= 0x20) {
        // Size update (6.3), only before the first field (4.2).
        const size = this.#integer(bytes, end, 0x1f);
        if (size < 0 || size > maxTableBytes) return "table size beyond the limit";
        if (fields > 0 || ++sizeUpdates > maxSizeUpdates) return "table size changed out of place";
        this.#limitBytes = size;
        this.#evict();
        continue;
      } else {
        // Literal without indexing, or never to be indexed (6.2.2, 6.2.3).
        field = this.#literal(bytes, end, 0x0f);
        if (typeof field === "string") return field;
      }
      fields++;
      if (!to.field(field)) return "too many fields";
    }
    return null;
  }

  #literal(bytes: Buffer, end: number, prefix: number): HeaderField | string {
    const index = this.#integer(bytes, end, prefix);
    let name: string | null;
    if (index === 0) {
      name = this.#string(bytes, end);
    } else {
      const found = index > 0 ? this.#lookUp(index) : undefined;
      if (found === undefined) return "index beyond the tables";
      name = found.name;
    }
    if (name === null) return "malformed string";
    const value = this.#string(bytes, end);
    return value === null ? "malformed string" : new HeaderField(name, value);
  }

  /** RFC 7541 2.3.3: the static table first, then the newest of the dynamic one. */
  #lookUp(index: number): HeaderField | undefined {
    if (index < staticFields.length) return staticFields[index];
    const place = this.#table.length - 1 - (index - staticFields.length);
    return place < this.#oldest ? undefined : this.#table[place];
  }

  /** RFC 7541 4.4: a field larger than the table empties it. */
  #add(field: HeaderField): void {
    this.#table.push(field);
    this.#tableBytes += sizeOf(field);
    if (this.#tableBytes > this.#limitBytes) this.#evict();
  }

  #evict(): void {
    const table = this.#table;
    while (this.#tableBytes > this.#limitBytes) this.#tableBytes -= sizeOf(table[this.#oldest++]!);
    // Evicted ones let go of their texts once they are many.
    if (this.#oldest < 64 && this.#oldest < table.length) return;
    this.#table = table.slice(this.#oldest);
    this.#oldest = 0;
  }

  /** RFC 7541 5.1; -1 when it is not complete, or too large for anything. */
  #integer(bytes: Buffer, end: number, prefix: number): number {
    let value = bytes[this.#at++]! & prefix;
    if (value < prefix) return value;
    for (let shift = 0; shift <= 28; shift += 7) {
      if (this.#at >= end) return -1;
      const byte = bytes[this.#at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (value > maxInteger) return -1;
      if (byte < 0x80) return value;
    }
    return -1;
  }

  /** RFC 7541 5.2; null when it is not complete, or no valid code. */
  #string(bytes: Buffer, end: number): string | null {
    if (this.#at >= end) return null;
    const isHuffman = bytes[this.#at]! >= 0x80;
    const length = this.#integer(bytes, end, 0x7f);
    const start = this.#at;
    if (length < 0 || length > end - start) return null;
    this.#at = start + length;
    return isHuffman ? decodeHuffman(bytes, start, this.#at) : bytes.latin1Slice(start, this.#at);
  }
}

function sizeOf({ name, value }: HeaderField): number {
  return name.length + value.length + fieldOverheadBytes;
}
