import { expect, test } from "bun:test";
import { ReceiveWindow } from "../../../../src/protocols/http2/receive-window.ts";

const growth = { maxBytes: 400, withinMs: 10 };

test("a window refuses more than it allows", () => {
  const window = new ReceiveWindow(100, 0);
  expect([window.receive(60), window.receive(40), window.receive(1)]).toEqual([true, true, false]);
});

test("a window opens in steps of at least its half", () => {
  const window = new ReceiveWindow(100, 0);
  window.receive(100);
  expect([window.take(49, 100, growth), window.take(1, 100, growth)]).toEqual([0, 50]);
  expect([window.receive(50), window.receive(1)]).toEqual([true, false]);
});

test("a window that is taken at once doubles, up to its limit", () => {
  const window = new ReceiveWindow(100, 0);
  const increments: number[] = [];
  for (let nowMs = 0; nowMs < 5; nowMs++) {
    const bytes = window.sizeBytes / 2;
    window.receive(bytes);
    increments.push(window.take(bytes, nowMs, growth));
  }
  expect(increments).toEqual([150, 300, 200, 200, 200]);
  expect(window.sizeBytes).toBe(400);
});

test("a window whose bytes wait stays as it is", () => {
  const window = new ReceiveWindow(100, 0);
  for (const nowMs of [11, 22, 33]) {
    window.receive(50);
    expect(window.take(50, nowMs, growth)).toBe(50);
  }
  window.receive(50);
  expect(window.take(50, 34, null)).toBe(50);
});
