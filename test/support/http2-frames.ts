/** HTTP/2 frames by hand (RFC 9113 4), for what no well-behaved client would send. */

export const frameTypes = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const;

export interface Frame {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export function frame(type: number, frameFlags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = frameFlags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function settingsFrame(settings: [id: number, value: number][] = []): Buffer {
  const payload = Buffer.alloc(6 * settings.length);
  for (const [index, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  }
  return frame(frameTypes.settings, 0, 0, payload);
}

export function headersFrame(
  stream: number,
  fields: [name: string, value: string][],
  endStream = true,
): Buffer {
  const frameFlags = flags.endHeaders | (endStream ? flags.endStream : 0);
  return frame(frameTypes.headers, frameFlags, stream, headerBlock(fields));
}

/** A head that one frame can't hold (RFC 9113 6.10), with the end of its stream. */
export function largeHeadFrames(stream: number, fields: [name: string, value: string][]): Buffer {
  const block = headerBlock(fields);
  const frames: Buffer[] = [];
  for (let start = 0; start < block.length; start += largestFrame) {
    const [type, first] =
      start === 0 ? [frameTypes.headers, flags.endStream] : [frameTypes.continuation, 0];
    const last = start + largestFrame >= block.length ? flags.endHeaders : 0;
    frames.push(frame(type, first | last, stream, block.subarray(start, start + largestFrame)));
  }
  return Buffer.concat(frames);
}

/** Until the server allows more (RFC 9113 6.5.2). */
const largestFrame = 16_384;

export function dataFrame(stream: number, text: string, endStream: boolean): Buffer {
  const frameFlags = endStream ? flags.endStream : 0;
  return frame(frameTypes.data, frameFlags, stream, Buffer.from(text, "latin1"));
}

export function resetFrame(stream: number, code = 8): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(frameTypes.resetStream, 0, stream, payload);
}

/** Literal fields without indexing and without Huffman coding (RFC 7541 6.2.2), as latin1. */
export function headerBlock(fields: [name: string, value: string][]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) parts.push(Buffer.from([0]), literal(name), literal(value));
  return Buffer.concat(parts);
}

/** The frames at the start of `bytes` that are complete, and how many bytes they take. */
export function parseFrames(bytes: Buffer): { frames: Frame[]; consumed: number } {
  const frames: Frame[] = [];
  let position = 0;
  while (position + 9 <= bytes.length) {
    const end = position + 9 + bytes.readUIntBE(position, 3);
    if (end > bytes.length) break;
    frames.push({
      type: bytes[position + 3]!,
      flags: bytes[position + 4]!,
      stream: bytes.readUInt32BE(position + 5) & 0x7fffffff,
      payload: bytes.subarray(position + 9, end),
    });
    position = end;
  }
  return { frames, consumed: position };
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([integer(bytes.length, 7), bytes]);
}

/** RFC 7541 5.1, with no bits above the prefix. */
function integer(value: number, prefixBits: number): Buffer {
  const max = 2 ** prefixBits - 1;
  if (value < max) return Buffer.from([value]);
  const bytes = [max];
  let rest = value - max;
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/**
 * Status of the response on a stream, null before its head. Knows the ways in which servers encode it:
 * by index, or literally, with or without Huffman coding of its digits (RFC 7541 5.2).
 */
export function responseStatus(frames: readonly Frame[], stream: number): number | null {
  const head = frames.find((each) => each.type === frameTypes.headers && each.stream === stream);
  if (head === undefined) return null;
  const { payload } = head;
  // A change of the table's size may come first.
  let at = 0;
  while ((payload[at]! & 0xe0) === 0x20) at += 1;
  const first = payload[at]!;
  if ((first & 0x80) !== 0) return staticStatuses[first & 0x7f] ?? 0;
  const length = payload[at + 1]! & 0x7f;
  const text = payload.subarray(at + 2, at + 2 + length);
  return Number((payload[at + 1]! & 0x80) === 0 ? text.toString("latin1") : huffmanDigits(text));
}

const staticStatuses: Record<number, number> = {
  8: 200,
  9: 204,
  10: 206,
  11: 304,
  12: 400,
  13: 404,
  14: 500,
};

/** `0` to `2` have five bits, `3` to `9` six (RFC 7541 B). */
function huffmanDigits(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  let digits = "";
  for (let at = 0; digits.length < 3;) {
    const five = Number.parseInt(bits.slice(at, at + 5), 2);
    if (five < 3) {
      digits += five;
      at += 5;
    } else {
      digits += Number.parseInt(bits.slice(at, at + 6), 2) - 0x19 + 3;
      at += 6;
    }
  }
  return digits;
}
