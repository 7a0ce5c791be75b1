import { expect, test } from "bun:test";
import { releaseReceived } from "../../../src/net/received-buffer.ts";

test("a large received buffer is given back at once", () => {
  const bytes = Buffer.from(new ArrayBuffer(64 * 1024));
  releaseReceived(bytes);
  expect(bytes.length).toBe(0);
  expect(bytes.buffer.byteLength).toBe(0);
});

test("a small received buffer is left to the garbage collector", () => {
  const bytes = Buffer.from(new ArrayBuffer(1024)).fill("a");
  releaseReceived(bytes);
  expect(bytes.toString()).toBe("a".repeat(1024));
});
