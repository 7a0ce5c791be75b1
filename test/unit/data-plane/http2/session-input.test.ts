import { expect, test } from "bun:test";
import { type FrameReader, SessionInput } from "../../../../src/data-plane/http2/session-input.ts";

const nobody = { onFault: (): void => {}, giveUp: (): void => {} };

/** An input whose turn is over behind the first byte of each read. */
function begin(unpausedBytes: number): { input: SessionInput; paused(): boolean } {
  let isPaused = false;
  const socket = { pause: () => void (isPaused = true), resume: () => void (isPaused = false) };
  const reader = {
    sender: { writer: { blocked: false, unsentBytes: 0 } },
    readKept: false,
    read: (bytes: Buffer, offset: number) => Math.min(bytes.length, offset + 1),
  } as unknown as FrameReader;
  const input = new SessionInput(reader, socket, nobody, unpausedBytes);
  return { input, paused: () => isPaused };
}

test("a small read waits for its turn while the socket goes on, until more waits than may", () => {
  const { input, paused } = begin(100);
  input.receive(Buffer.alloc(60), 0);
  expect([input.waits, paused()]).toEqual([true, false]);
  input.receive(Buffer.alloc(60), 0);
  expect([input.waits, paused()]).toEqual([true, true]);
  for (let i = 0; i < 19; i++) input.readOn();
  expect(paused()).toBe(true);
  input.readOn();
  expect([input.waits, paused()]).toEqual([true, false]);
  input.stop();
});

test("a large read pauses the socket at once, and any read when none may wait otherwise", () => {
  for (const [unpausedBytes, readBytes] of [
    [100, 101],
    [0, 2],
  ] as const) {
    const { input, paused } = begin(unpausedBytes);
    input.receive(Buffer.alloc(readBytes), 0);
    expect(paused()).toBe(true);
    input.stop();
  }
});
