import { expect, test } from "bun:test";
import { ReceiveWindow } from "../../../../src/protocols/http2/receive-window.ts";

const growth = { maxBytes: 1_600, slowBytes: 150, slowMs: 1, withinMs: 10 };

test("a window refuses more than it allows", () => {
  const window = new ReceiveWindow(100, 0);
  expect([window.receive(60), window.receive(40), window.receive(1)]).toEqual([true, true, false]);
});

test("a small window opens in steps of at least its half", () => {
  const window = new ReceiveWindow(100, 0);
  window.receive(100);
  expect([window.take(49, 100, growth), window.take(1, 100, growth)]).toEqual([0, 50]);
  expect([window.receive(50), window.receive(1)]).toEqual([true, false]);
});

test("of a large window no more than an eighth is missing to the peer", () => {
  const sizeBytes = 4_194_304;
  const window = new ReceiveWindow(sizeBytes, 0);
  let missing = 0;
  for (let frames = 0; frames < 2_000; frames++) {
    window.receive(16_384);
    missing += 16_384 - window.take(16_384, frames, growth);
    expect(missing).toBeLessThan(sizeBytes / 8);
  }
});

test("a window that is taken at once becomes four times as large, up to its limit", () => {
  const window = new ReceiveWindow(100, 0);
  const increments: number[] = [];
  for (let nowMs = 0; nowMs < 5; nowMs++) {
    const bytes = window.sizeBytes / 2;
    window.receive(bytes);
    increments.push(window.take(bytes, nowMs, growth));
  }
  expect(increments).toEqual([350, 1_400, 800, 800, 800]);
  expect(window.sizeBytes).toBe(1_600);
});

test("a window whose bytes wait stays as it is", () => {
  const window = new ReceiveWindow(100, 0);
  for (const nowMs of [11, 22, 33]) {
    window.receive(50);
    expect(window.take(50, nowMs, growth)).toBe(50);
  }
});

test("a window stays as it is while more than a quarter of it waits for a slow reader", () => {
  const window = new ReceiveWindow(100, 0);
  window.receive(100);
  expect(window.take(50, 1, growth)).toBe(50);
  window.receive(50);
  expect([window.take(50, 2, growth), window.sizeBytes]).toEqual([50, 100]);
  // The reader has caught up.
  window.receive(25);
  window.take(50, 3, growth);
  expect(window.sizeBytes).toBe(400);
});

test("a window of which more than half waits becomes half as large, as bytes are taken, down to its limit", () => {
  const budget = { exhausted: false, usedBytes: 0, add, release };
  function add(bytes: number): void {
    budget.usedBytes += bytes;
  }
  function release(bytes: number): void {
    budget.usedBytes -= bytes;
  }
  const large = { maxBytes: 1_048_576, slowBytes: 262_144, slowMs: 10, withinMs: 10 };
  const window = new ReceiveWindow(65_536, 0, budget);
  for (const bytes of [32_768, 131_072]) {
    window.receive(bytes);
    window.take(bytes, 1, large);
  }
  expect([window.sizeBytes, budget.usedBytes]).toEqual([1_048_576, 983_040]);
  const sizes = new Set<number>();
  // It is always full.
  let leftBytes = 1_048_576;
  for (let i = 0; i < 200; i++) {
    expect(window.receive(leftBytes)).toBe(true);
    leftBytes = window.take(16_384, 2 + i, large);
    sizes.add(window.sizeBytes);
  }
  expect(window.sizeBytes).toBe(262_144);
  expect(sizes).toContain(524_288);
  expect(budget.usedBytes).toBe(196_608);
  window.close();
  expect(budget.usedBytes).toBe(0);
});

test("a window stays as large as what its reader takes in a moment, however much waits", () => {
  const large = { maxBytes: 1_048_576, slowBytes: 262_144, slowMs: 10, withinMs: 10 };
  const window = new ReceiveWindow(1_048_576, 0);
  let leftBytes = 1_048_576;
  for (let i = 0; i < 200; i++) {
    window.receive(leftBytes);
    // 60 KB each millisecond.
    leftBytes = window.take(16_384, i * 0.27, large);
  }
  expect(window.sizeBytes).toBeWithin(590_000, 620_000);
});

test("a window that is settled grows by what was taken, and not by what it was opened for", () => {
  const window = new ReceiveWindow(100, 0);
  window.receive(100);
  expect([window.settle(0, 50, 1, growth), window.settle(0, 50, 1, growth)]).toEqual([50, 50]);
  expect(window.sizeBytes).toBe(100);
  window.settle(100, 0, 2, growth);
  expect(window.sizeBytes).toBe(400);
});

test("what windows grow by is counted in their budget, and none grows beyond it", () => {
  const budget = {
    usedBytes: 0,
    get exhausted(): boolean {
      return this.usedBytes >= 300;
    },
    add(bytes: number) {
      this.usedBytes += bytes;
    },
    release(bytes: number) {
      this.usedBytes -= bytes;
    },
  };
  const first = new ReceiveWindow(100, 0, budget);
  const second = new ReceiveWindow(100, 0, budget);
  for (const window of [first, second]) {
    window.receive(50);
    window.take(50, 1, growth);
  }
  expect([first.sizeBytes, second.sizeBytes, budget.usedBytes]).toEqual([400, 100, 300]);
  first.close();
  first.close();
  expect(budget.usedBytes).toBe(0);
});
