/** The names and numbers of HTTP/2 frames (RFC 9113 4, 6, 7), and their headers as bytes. */

export const frameHeaderBytes = 9;
/** What a client sends first (RFC 9113 3.4). */
export const clientPreface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** How many bytes from `offset` on go on with the preface, of which `seen` have come; -1: they are none of it. */
export function prefaceBytesAt(bytes: Buffer, offset: number, seen: number): number {
  const count = Math.min(bytes.length - offset, clientPreface.length - seen);
  const isPreface = bytes.compare(clientPreface, seen, seen + count, offset, offset + count) === 0;
  return isPreface ? count : -1;
}

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FrameFlag = {
  endStream: 1,
  ack: 1,
  endHeaders: 4,
  padded: 8,
  priority: 0x20,
} as const;

export const ErrorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const;

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** Largest payload that a peer may send unless it was told otherwise (RFC 9113 6.5.2). */
export const defaultMaxFrameBytes = 16_384;
export const maxStreamId = 0x7f_ff_ff_ff;

export function writeFrameHeader(
  to: Buffer,
  at: number,
  payloadBytes: number,
  type: number,
  flags: number,
  stream: number,
): void {
  to[at] = payloadBytes >>> 16;
  to[at + 1] = payloadBytes >>> 8;
  to[at + 2] = payloadBytes;
  to[at + 3] = type;
  to[at + 4] = flags;
  writeUint32(to, at + 5, stream);
}

export function writeUint32(to: Buffer, at: number, value: number): void {
  to[at] = value >>> 24;
  to[at + 1] = value >>> 16;
  to[at + 2] = value >>> 8;
  to[at + 3] = value;
}

export function readUint32(bytes: Buffer, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

/** The 31 bits of a stream or window; the first bit is reserved and ignored (RFC 9113 4.1). */
export function readUint31(bytes: Buffer, at: number): number {
  return readUint32(bytes, at) & 0x7f_ff_ff_ff;
}
