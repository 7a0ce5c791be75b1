import { expect, test } from "bun:test";
import { invalidTargetText, parseTarget, weightsOf } from "../../../src/config/target-address.ts";

test.each([
  ["ab", "ab", 80],
  ["ab:8080", "ab", 8_080],
  ["app-1_x.y+z:80", "app-1_x.y+z", 80],
  ["127.0.0.1:3000", "127.0.0.1", 3_000],
  ["_a", "_a", 80],
])("parseTarget takes %s", (address, host, port) => {
  expect(parseTarget(address)).toEqual({ host, port, address, weight: 1 });
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

test("parseTarget takes a weight off the address", () => {
  const heavy = parseTarget("app:3000;weight=3")!;
  expect(heavy).toEqual({ host: "app", port: 3_000, address: "app:3000", weight: 3 });
  expect(weightsOf([heavy, parseTarget("app:3001")!])).toEqual(["app:3000=3"]);
  for (const weight of ["", "0", "-1", "1.5", "99999", "x"]) {
    expect(parseTarget(`app:3000;weight=${weight}`)).toBeUndefined();
  }
});

test("invalidTargetText says what a weight may be", () => {
  for (const address of ["a.b:80;weight=0", "a.b:80;weight=10000", "a.b:80;weight=1;weight=2"]) {
    expect(parseTarget(address)).toBeUndefined();
    expect(invalidTargetText(address)).toBe(
      `${address} :the weight must be written as ;weight=1 to ;weight=9999`,
    );
  }
});
