/** Takes messages out of a stream of bytes: a kind, a length, then so many bytes. */

export const channelHeaderBytes = 5;

export interface Frame {
  kind: number;
  /** A part of what was read; of its owner's from now on. */
  bytes: Buffer;
}

export function channelHeader(kind: number, length: number): Buffer {
  const header = Buffer.alloc(channelHeaderBytes);
  header.writeUInt8(kind, 0);
  header.writeUInt32LE(length, 1);
  return header;
}

export class ChannelReader {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #length = 0;
  /** Until so many bytes are there nothing can be taken: a large message is put together once. */
  #wanted = channelHeaderBytes;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Null: one is larger than allowed, and the rest can't be understood. */
  push(bytes: Buffer): Frame[] | null {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    if (this.#length < this.#wanted) return [];
    let rest = this.#pieces.length === 1 ? bytes : Buffer.concat(this.#pieces);
    const frames: Frame[] = [];
    this.#wanted = channelHeaderBytes;
    while (rest.length >= channelHeaderBytes) {
      const length = rest.readUInt32LE(1);
      if (length > this.#maxBytes) return null;
      const end = channelHeaderBytes + length;
      if (rest.length < end) {
        this.#wanted = end;
        break;
      }
      frames.push({ kind: rest[0]!, bytes: rest.subarray(channelHeaderBytes, end) });
      rest = rest.subarray(end);
    }
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return frames;
  }
}
