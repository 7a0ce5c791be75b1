import { describe, expect, test } from "bun:test";
import { isIpAddress, isZonedIpAddress } from "../../../src/lib/ip-address.ts";

describe("isZonedIpAddress", () => {
  test.each(["10.0.0.1", "::1", "fe80::1%eth0"])("takes %p", (text) => {
    expect(isZonedIpAddress(text)).toBe(true);
  });

  test.each(["", "app", "10.0.0.1%eth0", "fe80::1%", "%eth0", "[::1]"])("leaves %p", (text) => {
    expect(isZonedIpAddress(text)).toBe(false);
  });

  test("alone takes a zone", () => {
    expect(isIpAddress("fe80::1%eth0")).toBe(false);
  });
});
