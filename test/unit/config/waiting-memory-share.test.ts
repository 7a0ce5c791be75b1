import { expect, test } from "bun:test";
import { waitingMemoryShare } from "../../../src/config/defaults.ts";

const MB = 1024 * 1024;

test.each([
  [64 * 1024 * MB, 1],
  [1024 * MB, 1],
  [512 * MB, 1 / 2],
  [100 * MB, 1 / 8],
])("of %d bytes of memory, limits of what waits count in part", (bytes, share) => {
  expect(waitingMemoryShare(bytes)).toBe(share);
});
