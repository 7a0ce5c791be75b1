import { expect, test } from "bun:test";
import { invalidTargetText, parseTarget } from "../../../src/config/target-address.ts";

test.each([
  ["ab", "ab", 80],
  ["ab:8080", "ab", 8_080],
  ["app-1_x.y+z:80", "app-1_x.y+z", 80],
  ["127.0.0.1:3000", "127.0.0.1", 3_000],
  ["_a", "_a", 80],
])("parseTarget takes %s", (address, host, port) => {
  expect(parseTarget(address)).toEqual({ host, port, address });
});

test.each([
  "",
  "a",
  "a:80",
  "http://x",
  "x/y",
  "[::1]:80",
  "-ab",
  ".ab",
  "ab:",
  "ab:8x",
  "ab:0",
  "ab:65536",
  "é1",
  "ab\n",
])("parseTarget refuses %j", (address) => {
  expect(parseTarget(address)).toBeUndefined();
});

test("invalidTargetText has a blank before the colon", () => {
  expect(invalidTargetText("a:80")).toBe("a:80 :invalid host pattern");
});
