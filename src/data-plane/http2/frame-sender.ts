/**
 * The sending half of an HTTP/2 connection, for both sides: heads, DATA as far as the windows allow
 * (RFC 9113 5.2), and the frames of the connection itself. Streams that have more than may be sent wait here
 * and have their turns.
 */
import { ListMember, MemberList } from "../../lib/member-list.ts";
import { ByteBlocks } from "../../net/byte-blocks.ts";
import { unsentMemory } from "../../net/unsent-memory.ts";
import { TurnWriter } from "../../net/turn-writer.ts";
import type { WritableSocket } from "../../net/unsent-bytes.ts";
import { type Fields, isFieldValue } from "../../protocols/http/fields.ts";
import { connectionKeys } from "../../protocols/http/hop-by-hop.ts";
import {
  defaultMaxFrameBytes,
  FrameFlag,
  frameHeaderBytes,
  FrameType,
  writeFrameHeader,
  writeUint32,
} from "../../protocols/http2/frames.ts";
import { HpackEncoder } from "../../protocols/http2/hpack-encoder.ts";
import {
  defaultWindowBytes,
  initialSettings,
  maxWindowBytes,
  type PeerSettings,
} from "../../protocols/http2/settings.ts";

export interface OutgoingOwner {
  /** Everything has been sent: who held its source back may go on, or it was the end. */
  outgoingSent(): void;
}

/** What is sent on one stream. */
export class OutgoingStream extends ListMember {
  /** Bytes that the peer takes on it. */
  window: number;
  /** What could not be sent yet; null as long as everything could. */
  waiting: ByteBlocks | null = null;
  /** The message is complete here; what still waits is all that is to come. */
  ended = false;
  /** The last frame was sent, or nothing more will be. */
  closed = false;
  trailers: Fields | null = null;
  /** The last frame, while it is in the buffer of the present turn. */
  openAt = 0;
  openGeneration = -1;
  /** Some of its bytes were sent since somebody last looked. */
  progressed = false;

  constructor(
    readonly id: number,
    window: number,
    readonly owner: OutgoingOwner,
  ) {
    super();
    this.window = window;
  }
}

/** In any head (RFC 9113 8.2.2). */
const forbidden: ReadonlySet<string> = new Set([...connectionKeys, "http2-settings"]);
/** A frame of less is not begun where the buffer ends. */
const minFrameBytes = 1_024;
/** One stream sends so much before the others that wait have their turn. */
const turnBytes = 32 * 1024;

export class FrameSender {
  readonly writer: TurnWriter;
  readonly encoder = new HpackEncoder();
  readonly peer: PeerSettings = initialSettings();
  #window = defaultWindowBytes;
  /** Those that wait for the socket or for the connection's window, but not for their own. */
  readonly #ready = new MemberList<OutgoingStream>();
  /** Bytes of all streams that wait. */
  #waitingBytes = 0;
  /** Frames that carried something, since it was asked last. */
  #carried = 0;

  constructor(socket: WritableSocket) {
    this.writer = new TurnWriter(socket);
  }

  /** Bytes that were handed over and that the peer has not taken, in whatever place. */
  get untakenBytes(): number {
    return this.#waitingBytes + this.writer.unsentBytes;
  }

  /** Frames with a head or a body since the last call. */
  takeCarried(): number {
    const carried = this.#carried;
    this.#carried = 0;
    return carried;
  }

  // Heads.

  /** Adds the fields, but those whose key is in the set, to the block that the encoder has begun. */
  addFields(fields: Fields, dropped: ReadonlySet<string> = forbidden): void {
    const { keys, values, wellFormed } = fields;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      if (dropped.has(key)) continue;
      this.encoder.field(key, wellFormed ? values[i]! : safeValue(values[i]!));
    }
  }

  /** Adds one field of the proxy's own: the name is right, the value may come from anywhere. */
  addField(key: string, value: string): void {
    this.encoder.field(key, safeValue(value));
  }

  /** Sends the encoder's block as the head of the stream, or as its trailers. */
  sendBlock(stream: OutgoingStream, endStream: boolean): void {
    const { block } = this.encoder;
    const { writer } = this;
    this.#carried++;
    let start = 0;
    let type: number = FrameType.headers;
    do {
      const bytes = Math.min(block.length - start, defaultMaxFrameBytes);
      const isLast = start + bytes === block.length;
      const flags =
        (isLast ? FrameFlag.endHeaders : 0) |
        (endStream && type === FrameType.headers ? FrameFlag.endStream : 0);
      const buffer = writer.reserve(frameHeaderBytes + bytes);
      const at = writer.position;
      writeFrameHeader(buffer, at, bytes, type, flags, stream.id);
      block.copy(buffer, at + frameHeaderBytes, start, start + bytes);
      writer.advance(frameHeaderBytes + bytes);
      // The end of the stream may still be added to a head of one frame.
      stream.openAt = at;
      stream.openGeneration = isLast && start === 0 ? writer.generation : -1;
      start += bytes;
      type = FrameType.continuation;
    } while (start < block.length);
    if (endStream) stream.closed = true;
  }

  // Bodies.

  /** Takes the bytes; false when not all of them could be sent, and the owner is told when they were. */
  sendData(stream: OutgoingStream, bytes: Uint8Array): boolean {
    if (stream.closed || stream.ended) return true;
    const { waiting } = stream;
    const isBehind = waiting !== null && waiting.length > 0;
    const sent = isBehind ? 0 : this.#put(stream, bytes, bytes.length);
    if (sent === bytes.length) return true;
    stream.waiting ??= new ByteBlocks(unsentMemory);
    stream.waiting.append(sent === 0 ? bytes : bytes.subarray(sent));
    this.#waitingBytes += bytes.length - sent;
    if (stream.window > 0) this.#ready.add(stream);
    return false;
  }

  /** Nothing more comes on the stream. */
  end(stream: OutgoingStream, trailers: Fields | null): void {
    if (stream.closed || stream.ended) return;
    stream.ended = true;
    stream.trailers = trailers;
    if (stream.waiting === null || stream.waiting.length === 0) this.#close(stream);
  }

  /** The stream is over: what waits is forgotten. */
  forget(stream: OutgoingStream): void {
    stream.closed = true;
    this.#ready.delete(stream);
    if (stream.waiting === null) return;
    this.#waitingBytes -= stream.waiting.length;
    stream.waiting.clear();
  }

  // Windows of the peer. False: more than a window can be (RFC 9113 6.9.1).

  widen(increment: number): boolean {
    this.#window += increment;
    this.#sendReady();
    return this.#window <= maxWindowBytes;
  }

  widenStream(stream: OutgoingStream, increment: number): boolean {
    stream.window += increment;
    if (stream.window > 0 && stream.waiting !== null && stream.waiting.length > 0) {
      this.#ready.add(stream);
      this.#sendReady();
    }
    return stream.window <= maxWindowBytes;
  }

  /** The socket takes bytes again. */
  drain(): void {
    if (this.writer.drain()) this.#sendReady();
  }

  // Frames of the connection.

  /** A frame whose payload is one number of 32 bits. */
  number(type: number, stream: number, value: number): void {
    const buffer = this.writer.reserve(frameHeaderBytes + 4);
    const at = this.writer.position;
    writeFrameHeader(buffer, at, 4, type, 0, stream);
    writeUint32(buffer, at + frameHeaderBytes, value);
    this.writer.advance(frameHeaderBytes + 4);
  }

  frame(type: number, flags: number, payload: Uint8Array): void {
    const buffer = this.writer.reserve(frameHeaderBytes + payload.length);
    const at = this.writer.position;
    writeFrameHeader(buffer, at, payload.length, type, flags, 0);
    buffer.set(payload, at + frameHeaderBytes);
    this.writer.advance(frameHeaderBytes + payload.length);
  }

  goAway(lastStream: number, code: number, reason: string): void {
    const payload = Buffer.alloc(8 + reason.length);
    writeUint32(payload, 0, lastStream);
    writeUint32(payload, 4, code);
    payload.latin1Write(reason, 8);
    this.frame(FrameType.goAway, 0, payload);
  }

  #sendReady(): void {
    for (let stream = this.#ready.first; stream !== null; stream = this.#ready.first) {
      if (this.writer.blocked || this.#window <= 0) return;
      this.#ready.delete(stream);
      this.#sendWaiting(stream);
      if (!stream.closed && stream.window > 0 && stream.waiting!.length > 0)
        this.#ready.add(stream);
    }
  }

  #sendWaiting(stream: OutgoingStream): void {
    const waiting = stream.waiting!;
    for (let left = turnBytes; left > 0 && waiting.length > 0;) {
      const front = waiting.front();
      const sent = this.#put(stream, front, Math.min(left, front.length));
      if (sent === 0) return;
      waiting.release(sent);
      this.#waitingBytes -= sent;
      left -= sent;
    }
    if (waiting.length > 0) return;
    if (stream.ended) this.#close(stream);
    stream.owner.outgoingSent();
  }

  /** Sends of the first `length` bytes as many as may be sent now; returns how many. */
  #put(stream: OutgoingStream, bytes: Uint8Array, length: number): number {
    const { writer } = this;
    let sent = 0;
    while (sent < length) {
      if (writer.closed) return length;
      const allowed = Math.min(length - sent, stream.window, this.#window);
      if (allowed <= 0 || writer.blocked) return sent;
      const added = this.#addToOpenFrame(stream, bytes, sent, allowed);
      const count = added > 0 ? added : this.#dataFrame(stream, bytes, sent, allowed);
      sent += count;
      stream.window -= count;
      stream.progressed = true;
      this.#window -= count;
    }
    return sent;
  }

  /** Small pieces of one turn become one frame. */
  #addToOpenFrame(
    stream: OutgoingStream,
    bytes: Uint8Array,
    start: number,
    allowed: number,
  ): number {
    const { writer } = this;
    const { openAt } = stream;
    if (stream.openGeneration !== writer.generation) return 0;
    const buffer = writer.written;
    const frameBytes = (buffer[openAt]! << 16) | (buffer[openAt + 1]! << 8) | buffer[openAt + 2]!;
    const isLast = openAt + frameHeaderBytes + frameBytes === writer.position;
    if (!isLast || buffer[openAt + 3] !== FrameType.data) return 0;
    const count = Math.min(allowed, defaultMaxFrameBytes - frameBytes, writer.space);
    if (count <= 0) return 0;
    copyInto(buffer, writer.position, bytes, start, count);
    const total = frameBytes + count;
    buffer[openAt] = total >>> 16;
    buffer[openAt + 1] = total >>> 8;
    buffer[openAt + 2] = total;
    writer.advance(count);
    return count;
  }

  #dataFrame(stream: OutgoingStream, bytes: Uint8Array, start: number, allowed: number): number {
    const { writer } = this;
    const wanted = Math.min(allowed, minFrameBytes);
    const buffer = writer.reserve(frameHeaderBytes + wanted);
    // Making room may have met a socket that takes no more.
    if (writer.blocked || writer.closed) return 0;
    const at = writer.position;
    const count = Math.min(allowed, defaultMaxFrameBytes, writer.space - frameHeaderBytes);
    writeFrameHeader(buffer, at, count, FrameType.data, 0, stream.id);
    copyInto(buffer, at + frameHeaderBytes, bytes, start, count);
    writer.advance(frameHeaderBytes + count);
    stream.openAt = at;
    stream.openGeneration = writer.generation;
    this.#carried++;
    return count;
  }

  /** Everything was sent; says so. */
  #close(stream: OutgoingStream): void {
    const { trailers } = stream;
    stream.closed = true;
    if (trailers !== null) {
      this.encoder.begin();
      this.addFields(trailers);
      this.sendBlock(stream, true);
    } else if (stream.openGeneration === this.writer.generation) {
      this.writer.written[stream.openAt + 4]! |= FrameFlag.endStream;
    } else {
      const buffer = this.writer.reserve(frameHeaderBytes);
      const at = this.writer.position;
      writeFrameHeader(buffer, at, 0, FrameType.data, FrameFlag.endStream, stream.id);
      this.writer.advance(frameHeaderBytes);
    }
  }
}

function copyInto(to: Buffer, at: number, bytes: Uint8Array, start: number, count: number): void {
  to.set(start === 0 && count === bytes.length ? bytes : bytes.subarray(start, start + count), at);
}

// oxlint-disable-next-line no-control-regex
const unsafeInValue = /[\0-\x08\x0a-\x1f\x7f\u0100-\uffff]/g;

/** Recipients may replace such characters by blanks as well (RFC 9110 5.5). */
function safeValue(value: string): string {
  return isFieldValue(value) ? value : value.replace(unsafeInValue, " ").trim();
}
