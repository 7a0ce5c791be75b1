import { expect, test } from "bun:test";
import { ReceiveWindow } from "../../../../src/protocols/http2/receive-window.ts";

const growth = { maxBytes: 1_600, withinMs: 10 };

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
