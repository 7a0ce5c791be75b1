/**
 * Cuts the bytes of a connection into frames, checks what each frame must be by itself (RFC 9113 4.2, 6),
 * and puts header blocks together. Serves both sides; what frames mean is up to the handler.
 */
import {
  defaultMaxFrameBytes,
  ErrorCode,
  FrameFlag,
  frameHeaderBytes,
  FrameType,
  readUint31,
  readUint32,
} from "./frames.ts";
import { Http2Fault, protocolFault } from "./http2-fault.ts";

/** Calls return a fault to end the connection. Bytes are those received: who keeps them, keeps all of them. */
export interface FrameHandler {
  /** `flowBytes` counts for flow control: padding belongs to it (RFC 9113 6.1). */
  onData(
    stream: number,
    bytes: Buffer,
    start: number,
    end: number,
    flowBytes: number,
    endStream: boolean,
  ): Http2Fault | null;
  /** A whole header block. `dependency` is the stream that a priority names, else 0. */
  onHeaders(
    stream: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
    dependency: number,
  ): Http2Fault | null;
  /** A priority signal, which is of no use any more (RFC 9113 5.3.2), or a frame of an unknown type. */
  onIgnored(type: number): Http2Fault | null;
  /** The frame has a mistake that ends its stream only. */
  onStreamFault(stream: number, fault: Http2Fault): Http2Fault | null;
  onReset(stream: number, code: number): Http2Fault | null;
  onSettings(bytes: Buffer, start: number, end: number): Http2Fault | null;
  onSettingsAck(): Http2Fault | null;
  onPing(bytes: Buffer, start: number, isAck: boolean): Http2Fault | null;
  onGoAway(lastStream: number, code: number): Http2Fault | null;
  onWindowUpdate(stream: number, increment: number): Http2Fault | null;
  /** One more CONTINUATION of a header block, with so many bytes of it. */
  onContinuation(payloadBytes: number): Http2Fault | null;
  /** Before each frame: false leaves it and what follows for another call. */
  mayGoOn(): boolean;
}

export interface FrameDecoderLimits {
  /** Bytes of one header block. */
  maxHeaderBlockBytes: number;
}

/** An incomplete frame begins with so much memory, whatever length it names. */
const firstPartialBytes = 1_024;

export class FrameDecoder {
  readonly #handler: FrameHandler;
  readonly #limits: FrameDecoderLimits;
  /** Of a frame that is not complete yet. */
  #partial: Buffer | null = null;
  #partialBytes = 0;
  /** Stream of the header block that is not complete yet; 0: none. */
  #blockStream = 0;
  #blockEndsStream = false;
  #blockDependency = 0;
  #block: Buffer[] = [];
  #blockBytes = 0;
  /** Complete ones. */
  #blocks = 0;
  #hasSettings = false;

  constructor(handler: FrameHandler, limits: FrameDecoderLimits) {
    this.#handler = handler;
    this.#limits = limits;
  }

  /** Of the header block that has begun and is not complete, a number that no other has; 0: there is none. */
  get openBlock(): number {
    const isPartOfOne = this.#partialBytes > 3 && this.#partial![3] === FrameType.headers;
    return this.#blockStream !== 0 || isPartOfOne ? this.#blocks + 1 : 0;
  }

  /** Reads frames from `offset`; returns the index behind the last byte that was used, or why it ended. */
  feed(bytes: Buffer, offset: number): number | Http2Fault {
    let at = offset;
    if (this.#partialBytes > 0) {
      if (!this.#handler.mayGoOn()) return at;
      const next = this.#complete(bytes, at);
      if (typeof next !== "number") return next;
      at = next;
      if (this.#partialBytes > 0) return at;
    }
    while (at + frameHeaderBytes <= bytes.length) {
      const payloadBytes = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
      if (payloadBytes > defaultMaxFrameBytes) return tooLarge;
      const end = at + frameHeaderBytes + payloadBytes;
      if (end > bytes.length) break;
      if (!this.#handler.mayGoOn()) return at;
      const fault = this.#frame(bytes, at, end);
      if (fault !== null) return fault;
      at = end;
    }
    if (at < bytes.length) {
      if (!this.#handler.mayGoOn()) return at;
      this.#keep(bytes, at, bytes.length);
    }
    return bytes.length;
  }

  /** Adds what is missing of the frame that was begun. */
  #complete(bytes: Buffer, offset: number): number | Http2Fault {
    let at = offset;
    if (this.#partialBytes < frameHeaderBytes) {
      const end = Math.min(bytes.length, at + frameHeaderBytes - this.#partialBytes);
      this.#keep(bytes, at, end);
      at = end;
      if (this.#partialBytes < frameHeaderBytes) return at;
    }
    const partial = this.#partial!;
    const payloadBytes = (partial[0]! << 16) | (partial[1]! << 8) | partial[2]!;
    if (payloadBytes > defaultMaxFrameBytes) return tooLarge;
    const frameBytes = frameHeaderBytes + payloadBytes;
    const end = Math.min(bytes.length, at + frameBytes - this.#partialBytes);
    this.#keep(bytes, at, end);
    if (this.#partialBytes < frameBytes) return end;
    const whole = this.#partial!;
    this.#partial = null;
    this.#partialBytes = 0;
    return this.#frame(whole, 0, frameBytes) ?? end;
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const needed = this.#partialBytes + end - start;
    if (this.#partial === null || this.#partial.length < needed) {
      const larger = Buffer.allocUnsafeSlow(Math.max(firstPartialBytes, needed * 2));
      if (this.#partial !== null) this.#partial.copy(larger, 0, 0, this.#partialBytes);
      this.#partial = larger;
    }
    bytes.copy(this.#partial, this.#partialBytes, start, end);
    this.#partialBytes = needed;
  }

  #frame(bytes: Buffer, at: number, end: number): Http2Fault | null {
    const type = bytes[at + 3]!;
    const flags = bytes[at + 4]!;
    const stream = readUint31(bytes, at + 5);
    const start = at + frameHeaderBytes;
    if (!this.#hasSettings) {
      // Each side begins with SETTINGS (RFC 9113 3.4).
      if (type !== FrameType.settings || (flags & FrameFlag.ack) !== 0) return notSettings;
      this.#hasSettings = true;
    }
    // Nothing may come between the frames of a header block (RFC 9113 4.3).
    if (
      this.#blockStream !== 0 &&
      (type !== FrameType.continuation || stream !== this.#blockStream)
    )
      return protocolFault("a header block was interrupted");
    switch (type) {
      case FrameType.data:
        return this.#data(stream, flags, bytes, start, end);
      case FrameType.headers:
        return this.#headers(stream, flags, bytes, start, end);
      case FrameType.continuation:
        return this.#continuation(stream, flags, bytes, start, end);
      case FrameType.windowUpdate:
        return this.#windowUpdate(stream, bytes, start, end);
      case FrameType.resetStream:
        if (stream === 0) return protocolFault("RST_STREAM of no stream");
        if (end - start !== 4) return sizeError("RST_STREAM");
        return this.#handler.onReset(stream, readUint32(bytes, start));
      case FrameType.settings:
        return this.#settings(stream, flags, bytes, start, end);
      case FrameType.ping:
        if (stream !== 0) return protocolFault("PING of a stream");
        if (end - start !== 8) return sizeError("PING");
        return this.#handler.onPing(bytes, start, (flags & FrameFlag.ack) !== 0);
      case FrameType.priority:
        return this.#priority(stream, bytes, start, end);
      case FrameType.goAway:
        if (stream !== 0) return protocolFault("GOAWAY of a stream");
        if (end - start < 8) return sizeError("GOAWAY");
        return this.#handler.onGoAway(readUint31(bytes, start), readUint32(bytes, start + 4));
      case FrameType.pushPromise:
        // Neither clients may send it (RFC 9113 8.4) nor servers that were told not to (6.6).
        return protocolFault("PUSH_PROMISE");
      default:
        // Unknown types are ignored (RFC 9113 4.1).
        return this.#handler.onIgnored(type);
    }
  }

  /** RFC 9113 6.1. */
  #data(
    stream: number,
    flags: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): Http2Fault | null {
    if (stream === 0) return protocolFault("DATA of no stream");
    const endStream = (flags & FrameFlag.endStream) !== 0;
    if ((flags & FrameFlag.padded) === 0)
      return this.#handler.onData(stream, bytes, start, end, end - start, endStream);
    const dataEnd = withoutPadding(bytes, start, end);
    if (dataEnd < 0) return protocolFault("padding longer than its frame");
    return this.#handler.onData(stream, bytes, start + 1, dataEnd, end - start, endStream);
  }

  /** RFC 9113 6.2. */
  #headers(
    stream: number,
    flags: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): Http2Fault | null {
    if (stream === 0) return protocolFault("HEADERS of no stream");
    let blockStart = start;
    let blockEnd = end;
    if ((flags & FrameFlag.padded) !== 0) {
      blockEnd = withoutPadding(bytes, start, end);
      if (blockEnd < 0) return protocolFault("padding longer than its frame");
      blockStart += 1;
    }
    let dependency = 0;
    if ((flags & FrameFlag.priority) !== 0) {
      if (blockEnd - blockStart < 5) return sizeError("HEADERS with priority");
      dependency = readUint31(bytes, blockStart);
      blockStart += 5;
    }
    const endStream = (flags & FrameFlag.endStream) !== 0;
    if ((flags & FrameFlag.endHeaders) !== 0) {
      this.#blocks++;
      return this.#handler.onHeaders(stream, bytes, blockStart, blockEnd, endStream, dependency);
    }
    this.#blockStream = stream;
    this.#blockEndsStream = endStream;
    this.#blockDependency = dependency;
    this.#block = [];
    this.#blockBytes = 0;
    return this.#addToBlock(bytes, blockStart, blockEnd);
  }

  /** RFC 9113 6.10. */
  #continuation(
    stream: number,
    flags: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): Http2Fault | null {
    if (this.#blockStream === 0) return protocolFault("CONTINUATION of no header block");
    const fault = this.#handler.onContinuation(end - start) ?? this.#addToBlock(bytes, start, end);
    if (fault !== null || (flags & FrameFlag.endHeaders) === 0) return fault;
    const block = Buffer.concat(this.#block, this.#blockBytes);
    this.#blockStream = 0;
    this.#block = [];
    this.#blocks++;
    return this.#handler.onHeaders(
      stream,
      block,
      0,
      block.length,
      this.#blockEndsStream,
      this.#blockDependency,
    );
  }

  /** Copies, because the buffer of the read may be a large one. */
  #addToBlock(bytes: Buffer, start: number, end: number): Http2Fault | null {
    this.#blockBytes += end - start;
    if (this.#blockBytes > this.#limits.maxHeaderBlockBytes)
      return new Http2Fault(ErrorCode.enhanceYourCalm, "header block too large");
    if (end > start) this.#block.push(Buffer.from(bytes.subarray(start, end)));
    return null;
  }

  /** RFC 9113 6.9. */
  #windowUpdate(stream: number, bytes: Buffer, start: number, end: number): Http2Fault | null {
    if (end - start !== 4) return sizeError("WINDOW_UPDATE");
    const increment = readUint31(bytes, start);
    if (increment > 0) return this.#handler.onWindowUpdate(stream, increment);
    const fault = protocolFault("WINDOW_UPDATE by nothing");
    return stream === 0 ? fault : this.#handler.onStreamFault(stream, fault);
  }

  /** RFC 9113 6.5. */
  #settings(
    stream: number,
    flags: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): Http2Fault | null {
    if (stream !== 0) return protocolFault("SETTINGS of a stream");
    if ((flags & FrameFlag.ack) === 0) {
      if ((end - start) % 6 !== 0) return sizeError("SETTINGS");
      return this.#handler.onSettings(bytes, start, end);
    }
    return end > start ? sizeError("acknowledgement of SETTINGS") : this.#handler.onSettingsAck();
  }

  /** RFC 9113 6.3; a stream can't depend on itself (RFC 7540 5.3.1). */
  #priority(stream: number, bytes: Buffer, start: number, end: number): Http2Fault | null {
    if (stream === 0) return protocolFault("PRIORITY of no stream");
    if (end - start !== 5) return this.#handler.onStreamFault(stream, sizeError("PRIORITY"));
    if (readUint31(bytes, start) !== stream) return this.#handler.onIgnored(FrameType.priority);
    return this.#handler.onStreamFault(stream, protocolFault("a stream depends on itself"));
  }
}

const notSettings = protocolFault("the first frame is no SETTINGS");
const tooLarge = new Http2Fault(ErrorCode.frameSizeError, "frame larger than was allowed");

function sizeError(what: string): Http2Fault {
  return new Http2Fault(ErrorCode.frameSizeError, `${what} of a wrong length`);
}

/** Index behind the data of a padded frame; -1 when there is more padding than frame. */
function withoutPadding(bytes: Buffer, start: number, end: number): number {
  if (start === end) return -1;
  const dataEnd = end - bytes[start]!;
  return dataEnd <= start ? -1 : dataEnd;
}
