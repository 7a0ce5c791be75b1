/** Reads what an app answers to one question of grpc.health.v1, frame by frame. Pure: replies go through `send`. */
import { maxFieldCount, maxHealthAnswerBytes } from "../../config/limits.ts";
import { FieldSection } from "../../protocols/http2/field-section.ts";
import { FrameDecoder, type FrameHandler } from "../../protocols/http2/frame-decoder.ts";
import {
  FrameFlag,
  frameHeaderBytes,
  FrameType,
  writeFrameHeader,
} from "../../protocols/http2/frames.ts";
import { HpackDecoder } from "../../protocols/http2/hpack-decoder.ts";
import { Http2Fault } from "../../protocols/http2/http2-fault.ts";

/** A text when the app said nothing that can be read. */
export type GrpcHealth = { grpcStatus: string; serving: boolean } | string;

export interface GrpcHealthReader {
  /** A frame for the app. */
  send(frame: Buffer): void;
  finish(outcome: GrpcHealth): void;
}

/** HealthCheckResponse whose field 1 is SERVING, behind the prefix of a message (five bytes). */
const servingMessage = Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01]);
const limits = {
  maxBytes: maxHealthAnswerBytes,
  maxExpansionBytes: maxHealthAnswerBytes,
  maxFields: maxFieldCount,
};

export class GrpcHealthAnswer implements FrameHandler {
  readonly #reader: GrpcHealthReader;
  readonly #frames = new FrameDecoder(this, { maxHeaderBlockBytes: maxHealthAnswerBytes });
  readonly #hpack = new HpackDecoder();
  readonly #section = new FieldSection();
  #status: string | null = null;
  #message = Buffer.alloc(0);
  #over = false;

  constructor(reader: GrpcHealthReader) {
    this.#reader = reader;
  }

  receive(bytes: Buffer): void {
    const end = this.#frames.feed(bytes, 0);
    if (end instanceof Http2Fault) this.#finish(`malformed answer: ${end.reason}`);
  }

  mayGoOn(): boolean {
    return !this.#over;
  }

  onHeaders(
    _stream: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
  ): Http2Fault | null {
    const section = this.#section;
    section.begin(this.#status === null ? "response" : "trailers", end - start, limits);
    const fault = this.#hpack.decode(bytes, start, end, section);
    section.end();
    if (fault !== null || section.malformed !== null) {
      this.#finish(`malformed answer: ${fault ?? section.malformed}`);
      return null;
    }
    if (section.status?.startsWith("1")) return null;
    this.#status ??= section.status;
    if (this.#status !== "200") {
      this.#finish(`unexpected status (${this.#status})`);
    } else if (endStream) {
      const grpcStatus = section.fields.get("grpc-status") ?? "2";
      this.#finish({ grpcStatus, serving: this.#message.equals(servingMessage) });
    }
    return null;
  }

  onData(_stream: number, bytes: Buffer, start: number, end: number): null {
    if (this.#message.length < servingMessage.length + 1) {
      this.#message = Buffer.concat([this.#message, bytes.subarray(start, end)]);
    }
    return null;
  }

  onSettings(): null {
    this.#reader.send(frameOf(FrameType.settings, FrameFlag.ack, Buffer.alloc(0)));
    return null;
  }

  onPing(bytes: Buffer, start: number, isAck: boolean): null {
    const payload = bytes.subarray(start, start + 8);
    if (!isAck) this.#reader.send(frameOf(FrameType.ping, FrameFlag.ack, payload));
    return null;
  }

  onReset(_stream: number, code: number): null {
    return this.#finish(`the stream was reset with code ${code}`);
  }

  onGoAway(lastStream: number, code: number): null {
    return lastStream === 0 ? this.#finish(`GOAWAY with code ${code}`) : null;
  }

  onStreamFault(_stream: number, { reason }: Http2Fault): null {
    return this.#finish(`malformed answer: ${reason}`);
  }

  onIgnored(): null {
    return null;
  }
  onSettingsAck(): null {
    return null;
  }
  onWindowUpdate(): null {
    return null;
  }
  onContinuation(): null {
    return null;
  }

  #finish(outcome: GrpcHealth): null {
    if (!this.#over) this.#reader.finish(outcome);
    this.#over = true;
    return null;
  }
}

function frameOf(type: number, flags: number, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(frameHeaderBytes + payload.length);
  writeFrameHeader(frame, 0, payload.length, type, flags, 0);
  frame.set(payload, frameHeaderBytes);
  return frame;
}
