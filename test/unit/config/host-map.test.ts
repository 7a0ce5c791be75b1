import { expect, test } from "bun:test";
import { HostMap } from "../../../src/config/host-map.ts";

const map = new HostMap<string | null>();
map.set("a.test", "a");
map.set("*.test", "wildcard");
map.set("listed.test", null);

test.each([
  ["a.test", "a"],
  ["b.test", "wildcard"],
  ["listed.test", null],
  ["b.c.test", undefined],
  ["", undefined],
])("HostMap has for %j %p", (name, value) => {
  expect(map.lookup(name)).toBe(value as string);
});

test("HostMap has the value of any host for the rest", () => {
  const any = new HostMap<string>();
  any.set("", "any");
  expect(any.lookup("x.test")).toBe("any");
  expect(any.get("x.test")).toBeUndefined();
});
