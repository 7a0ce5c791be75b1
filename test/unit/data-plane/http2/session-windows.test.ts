import { expect, test } from "bun:test";
import type { FrameSender } from "../../../../src/data-plane/http2/frame-sender.ts";
import {
  type SessionRole,
  SessionWindows,
  type WindowedStream,
} from "../../../../src/data-plane/http2/session-windows.ts";
import { lentWindowMemory, windowMemory } from "../../../../src/net/unsent-memory.ts";

const kilobyte = 1_024;
const megabyte = 1_024 * kilobyte;
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
  });
  return { windows, opened, asked: () => askedCount, stream };
}

/** Bytes that come and are taken at once, until the window grows no more. */
function grow(windows: SessionWindows, stream: WindowedStream, nowMs = 0): void {
  for (let round = 0; round < 10; round++) {
    const bytes = Math.ceil(stream.window.sizeBytes / 2);
    windows.receive(bytes);
    stream.window.receive(bytes);
    windows.readEnded(nowMs);
    windows.taken(stream, bytes, nowMs);
  }
}

test.each(["client", "server"] as const)(
  "the window of a connection opens for what nobody takes: other streams go on (%s)",
  (role) => {
    const { windows, opened } = begin(role);
    // Of five streams, as much as they may send at first.
    for (let i = 0; i < 25; i++) {
      expect(windows.receive(12_000)).toBe(true);
      windows.readEnded(0);
    }
    expect([...opened.keys()].filter((id) => id !== 0)).toEqual([]);
    windows.close();
  },
);

/** How many of 100 streams can send their first windows. */
function fill(windows: SessionWindows): number {
  for (let count = 0; count < 100; count++) {
    if (!windows.receive(65_535)) return count;
    windows.readEnded(0);
  }
  return 100;
}

test("what nobody takes of one client is limited", () => {
  const before = lentWindowMemory.usedBytes;
  const { windows } = begin("server");
  expect(fill(windows)).toBe(6);
  expect(lentWindowMemory.usedBytes - before).toBe(256 * kilobyte);
  windows.close();
  expect(lentWindowMemory.usedBytes).toBe(before);
});

test("what is taken opens the window of a client, beside what nobody takes", () => {
  const { windows, opened, stream } = begin("server");
  for (let i = 0; i < 5; i++) {
    windows.receive(60_000);
    windows.readEnded(0);
  }
  const before = opened.get(0)!;
  const flowing = stream(1);
  for (let i = 0; i < 100; i++) {
    expect(windows.receive(16_384)).toBe(true);
    windows.readEnded(10_000 * i);
    windows.taken(flowing, 16_384, 10_000 * i);
  }
  expect(opened.get(0)! - before).toBeGreaterThan(95 * 16_384);
  windows.close();
});

test("while much waits of all clients, their windows open only for what was taken", () => {
  const { limitBytes } = lentWindowMemory;
  lentWindowMemory.limitTo(0);
  const { windows, opened, stream } = begin("server");
  const first = stream(1);
  const gone = { ...stream(3), receives: false };
  windows.receive(60_000);
  windows.readEnded(0);
  windows.receive(60_000);
  windows.readEnded(0);
  expect(opened.get(0)).toBeUndefined();
  windows.taken(first, 60_000, 1_000);
  windows.taken(gone, 60_000, 1_000);
  expect(opened.get(0)).toBe(120_000);
  windows.close();
  // What comes to an end afterwards is counted no more.
  windows.taken(gone, 60_000, 2_000);
  expect([opened.get(0), lentWindowMemory.usedBytes]).toEqual([120_000, 0]);
  lentWindowMemory.limitTo(limitBytes);
});

test("a target's streams do not hold each other up, however many are not taken", () => {
  const { windows } = begin("client");
  expect(fill(windows)).toBe(100);
  expect(fill(windows)).toBe(100);
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
