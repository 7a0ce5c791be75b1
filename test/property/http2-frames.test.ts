/** What must be true of frames, however the bytes of a connection are cut. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { FrameDecoder, type FrameHandler } from "../../src/protocols/http2/frame-decoder.ts";
import { Http2Fault } from "../../src/protocols/http2/http2-fault.ts";
import { flags, frame, frameTypes, settingsFrame } from "../support/http2-frames.ts";

/** Notes what it is told; `patience` frames are taken at a time. */
class Recorder implements FrameHandler {
  readonly events: string[] = [];
  patience = Number.POSITIVE_INFINITY;
  #left = 0;

  rest(): void {
    this.#left = this.patience;
  }
  #note(...event: unknown[]): null {
    this.events.push(event.map(String).join(" "));
    return null;
  }
  mayGoOn(): boolean {
    return this.#left-- > 0;
  }
  onData(stream: number, bytes: Buffer, start: number, end: number, flow: number, last: boolean) {
    return this.#note("data", stream, bytes.toString("hex", start, end), flow, last);
  }
  onHeaders(stream: number, bytes: Buffer, start: number, end: number, last: boolean, on: number) {
    return this.#note("headers", stream, bytes.toString("hex", start, end), last, on);
  }
  onIgnored(type: number) {
    return this.#note("ignored", type);
  }
  onStreamFault(stream: number, { code }: Http2Fault) {
    return this.#note("fault", stream, code);
  }
  onReset(stream: number, code: number) {
    return this.#note("reset", stream, code);
  }
  onSettings(bytes: Buffer, start: number, end: number) {
    return this.#note("settings", bytes.toString("hex", start, end));
  }
  onSettingsAck() {
    return this.#note("settings ack");
  }
  onPing(bytes: Buffer, start: number, isAck: boolean) {
    return this.#note("ping", bytes.toString("hex", start, start + 8), isAck);
  }
  onGoAway(last: number, code: number) {
    return this.#note("goaway", last, code);
  }
  onWindowUpdate(stream: number, increment: number) {
    return this.#note("window", stream, increment);
  }
  onContinuation(bytes: number) {
    return this.#note("continuation", bytes);
  }
}

/** What is noted of the pieces, the end included. */
function read(pieces: readonly Buffer[], patience = Number.POSITIVE_INFINITY): string[] {
  const recorder = new Recorder();
  recorder.patience = patience;
  const decoder = new FrameDecoder(recorder, { maxHeaderBlockBytes: 10_000 });
  for (const piece of pieces) {
    let at = 0;
    do {
      recorder.rest();
      const end = decoder.feed(piece, at);
      if (end instanceof Http2Fault) return [...recorder.events, `end ${end.code} ${end.reason}`];
      at = end;
    } while (at < piece.length);
  }
  return recorder.events;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let start = 0;
  for (const place of [...places.map((each) => each % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  )) {
    pieces.push(Buffer.from(bytes.subarray(start, place)));
    start = place;
  }
  return pieces;
}

const payload = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
const stream = fc.integer({ min: 0, max: 9 });
/** Right and wrong ones alike. */
const anyFrame = fc
  .tuple(fc.integer({ min: 0, max: 11 }), fc.integer({ min: 0, max: 255 }), stream, payload)
  .map(([type, flag, id, bytes]) => frame(type, flag, id, bytes));
const goodFrame = fc.oneof(
  fc.tuple(stream, payload).map(([id, bytes]) => frame(frameTypes.data, 0, id + 1, bytes)),
  fc
    .tuple(stream, payload, payload)
    .map(([id, first, more]) =>
      Buffer.concat([
        frame(frameTypes.headers, flags.endStream, id + 1, first),
        frame(frameTypes.continuation, flags.endHeaders, id + 1, more),
      ]),
    ),
  fc
    .tuple(stream, fc.integer({ min: 0, max: 20 }), payload)
    .map(([id, padding, bytes]) =>
      frame(
        frameTypes.data,
        8,
        id + 1,
        Buffer.concat([Buffer.from([padding]), bytes, Buffer.alloc(padding)]),
      ),
    ),
  fc.constant(frame(frameTypes.ping, 0, 0, Buffer.alloc(8, 7))),
  fc.constant(frame(frameTypes.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1]))),
);
const frames = fc
  .array(fc.oneof(goodFrame, anyFrame), { maxLength: 12 })
  .map((all) => Buffer.concat([settingsFrame(), ...all]));

test("frames are the same however their bytes are cut", () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(), { maxLength: 8 }), (bytes, places) => {
      expect(read(cut(bytes, places))).toEqual(read([bytes]));
    }),
  );
});

test("frames are the same at every single cut, and byte for byte", () => {
  fc.assert(
    fc.property(frames, (bytes) => {
      const whole = read([bytes]);
      for (let at = 0; at <= bytes.length; at++) expect(read(cut(bytes, [at]))).toEqual(whole);
      expect(read(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(whole);
    }),
    { numRuns: 20 },
  );
});

test("frames are the same when they are taken a few at a time", () => {
  fc.assert(
    fc.property(frames, fc.nat(), fc.integer({ min: 1, max: 3 }), (bytes, place, patience) => {
      expect(read(cut(bytes, [place]), patience)).toEqual(read([bytes]));
    }),
  );
});

test("a prefix of frames tells nothing that the whole does not", () => {
  fc.assert(
    fc.property(frames, fc.nat(), (bytes, place) => {
      const [prefix] = cut(bytes, [place]);
      const told = read([prefix!]);
      expect(read([bytes]).slice(0, told.length)).toEqual(told);
    }),
  );
});
