import { afterEach, expect, test } from "bun:test";
import type { FrameSender } from "../../../../src/data-plane/http2/frame-sender.ts";
import {
  type SessionRole,
  SessionWindows,
  type WindowedStream,
} from "../../../../src/data-plane/http2/session-windows.ts";
import { unsentMemory, windowMemory } from "../../../../src/net/unsent-memory.ts";

const kilobyte = 1_024;
const megabyte = 1_024 * kilobyte;
let shortBytes = 0;

afterEach(() => {
  unsentMemory.release(shortBytes);
  shortBytes = 0;
});

function memoryIsShort(): void {
  shortBytes = 64 * megabyte;
  unsentMemory.add(shortBytes);
}

function begin(role: SessionRole): {
  windows: SessionWindows;
  /** Bytes by which the windows were opened, by stream. */
  opened: Map<number, number>;
  /** How often the path was asked for. */
  asked(): number;
  stream(id: number): WindowedStream;
} {
  const opened = new Map<number, number>();
  const number = (_type: number, id: number, bytes: number): void =>
    void opened.set(id, (opened.get(id) ?? 0) + bytes);
  let askedCount = 0;
  const frame = (): void => void askedCount++;
  const windows = new SessionWindows({ number, frame } as unknown as FrameSender, role, 0);
  const stream = (id: number): WindowedStream => ({
    id,
    window: windows.newStreamWindow(0),
    receives: true,
    owedBytes: 0,
  });
  return { windows, opened, asked: () => askedCount, stream };
}

/** Bytes that come and are taken at once, until the window grows no more. */
function grow(windows: SessionWindows, stream: WindowedStream, nowMs = 0): void {
  for (let round = 0; round < 10; round++) {
    const bytes = Math.ceil(stream.window.sizeBytes / 2);
    windows.receive(bytes);
    stream.window.receive(bytes);
    windows.arrived(stream, bytes, nowMs);
    windows.taken(stream, bytes, nowMs);
  }
}

test.each(["client", "server"] as const)(
  "the window of a connection opens for what nobody takes: other streams go on (%s)",
  (role) => {
    const { windows, opened, stream } = begin(role);
    const streams = [1, 3, 5, 7, 9].map(stream);
    for (let round = 0; round < 5; round++) {
      for (const each of streams) {
        const bytes = 12_000;
        expect(windows.receive(bytes)).toBe(true);
        windows.arrived(each, bytes, 0);
      }
    }
    expect([...opened.keys()].filter((id) => id !== 0)).toEqual([]);
    windows.close();
  },
);

test("while memory is short, the window to a client opens only for what was taken", () => {
  memoryIsShort();
  const { windows, opened, stream } = begin("server");
  const [first, second] = [stream(1), stream(3)];
  windows.receive(60_000);
  windows.arrived(first, 60_000, 0);
  expect(opened.get(0)).toBeUndefined();
  windows.receive(60_000);
  windows.arrived(second, 60_000, 0);
  expect(windows.receive(60_000)).toBe(false);
  windows.taken(first, 60_000, 1_000);
  windows.taken(second, 60_000, 1_000);
  expect(opened.get(0)).toBe(120_000);
  // Nothing is paid twice.
  expect([first.owedBytes, second.owedBytes]).toEqual([0, 0]);
  windows.close();
});

test("while memory is short, a target's streams do not hold each other up", () => {
  memoryIsShort();
  const { windows, stream } = begin("client");
  for (let id = 1; id < 400; id += 2) {
    expect(windows.receive(65_535)).toBe(true);
    windows.arrived(stream(id), 65_535, 0);
  }
});

test.each([
  ["of a client, not known", "server", null, 2 * megabyte],
  ["of a neighbour", "server", 1, 2 * megabyte],
  ["of a client, 5 ms", "server", 5, 5 * 800 * kilobyte],
  ["of a client, 50 ms", "server", 50, 8 * megabyte],
  ["of a target, 5 ms", "client", 5, 2 * megabyte],
  ["of a target, 20 ms", "client", 20, 20 * 200 * kilobyte],
] as const)("windows grow to what a path carries: %s", (_path, role, roundTripMs, bytes) => {
  const { windows, asked, stream } = begin(role);
  const first = stream(1);
  // The first SETTINGS may be acknowledged late, and tell nothing.
  windows.acknowledged(100);
  expect(asked()).toBe(0);
  grow(windows, first, 200);
  expect(asked()).toBe(1);
  if (roundTripMs !== null) {
    windows.acknowledged(200 + roundTripMs);
    windows.acknowledged(10_000);
  }
  grow(windows, first, 300);
  expect(first.window.sizeBytes).toBe(bytes);
  first.window.close();
});

test("what windows of streams grow by is given back with the stream", () => {
  const before = windowMemory.usedBytes;
  const { windows, stream } = begin("client");
  const first = stream(1);
  grow(windows, first);
  expect(first.window.sizeBytes).toBe(2 * megabyte);
  expect(windowMemory.usedBytes - before).toBe(2 * megabyte - 65_535);
  first.window.close();
  windows.close();
  expect(windowMemory.usedBytes).toBe(before);
});
