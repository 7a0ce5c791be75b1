import { describe, expect, test } from "bun:test";
import { AddressList } from "../../../../src/data-plane/proxy/policies/address-list.ts";

describe("AddressList", () => {
  test("has the entries and those of the files that are named", () => {
    const files = { "/a": "10.0.0.0/8 # inside\n\n#203.0.113.1\n", "/b": "2001:db8::/32" };
    const list = AddressList.of(["192.0.2.1", "@/a", "@/b"], files, null);
    const inside = ["192.0.2.1", "10.1.1.1", "2001:db8::1", "203.0.113.1", "192.0.2.2", ""];
    expect(inside.map((address) => list.contains(address))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test("is not known when a file is missing, or says what is no address", () => {
    expect(AddressList.of(["10.0.0.1", "@/a"], {}, null).isKnown).toBe(false);
    expect(AddressList.of(["@/a"], { "/a": "nobody" }, null).isKnown).toBe(false);
    expect(AddressList.of(["@/a"], { "/a": "" }, null).isKnown).toBe(true);
  });

  test("is the one before when it says the same", () => {
    const first = AddressList.of(["@/a"], { "/a": "10.0.0.1" }, null);
    expect(AddressList.of(["@/a"], { "/a": "10.0.0.1" }, first)).toBe(first);
    const second = AddressList.of(["@/a"], { "/a": "10.0.0.2" }, first);
    expect([second.contains("10.0.0.2"), second.contains("10.0.0.1")]).toEqual([true, false]);
  });

  test("finds one of 100,000 blocks as fast as one of ten", () => {
    const block = (index: number): string =>
      `${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.0/24`;
    const blocks = Array.from({ length: 100_000 }, (_, index) => block(index));
    const list = AddressList.of(["@/a"], { "/a": blocks.join("\n") }, null);
    const beganMs = performance.now();
    for (let round = 0; round < 100_000; round++) list.contains("198.51.100.1");
    // Looked at one by one these would be 10,000,000,000 steps.
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    expect([list.contains("20.1.2.3"), list.contains("21.134.159.9")]).toEqual([true, true]);
  });
});
