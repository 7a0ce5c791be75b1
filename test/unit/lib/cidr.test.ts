import { describe, expect, test } from "bun:test";
import { CidrFault, CidrList } from "../../../src/lib/cidr.ts";

function list(...entries: string[]): CidrList {
  const parsed = CidrList.parse(entries);
  if (parsed instanceof CidrFault) throw new Error(parsed.message);
  return parsed;
}

describe("CidrList", () => {
  test.each([
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.1.2.3/8", "10.9.9.9", true],
    ["192.168.1.128/25", "192.168.1.127", false],
    ["192.168.1.128/25", "192.168.1.128", true],
    ["203.0.113.7", "203.0.113.7", true],
    ["203.0.113.7", "203.0.113.6", false],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["0.0.0.0/0", "::1", false],
    ["::/0", "10.0.0.1", false],
    ["::/0", "2001:db8::1", true],
    ["2001:db8::/32", "2001:db8:ffff::1", true],
    ["2001:db8::/32", "2001:db9::", false],
    ["2001:db8::/33", "2001:db8:7fff::", true],
    ["2001:db8::/33", "2001:db8:8000::", false],
    ["::1", "::1", true],
    ["::1", "::2", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["FE80::/10", "febf::1", true],
    ["10.0.0.0/8", "::ffff:10.1.1.1", true],
    ["10.0.0.0/8", "::ffff:0a01:0101", true],
    ["::ffff:10.0.0.0/104", "10.200.0.1", true],
    ["::ffff:10.0.0.0/104", "11.0.0.1", false],
    ["64:ff9b::192.0.2.0/120", "64:ff9b::c000:2ff", true],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", true],
  ])("%s with %s is %p", (block, address, expected) => {
    expect(list(block).contains(address)).toBe(expected);
  });

  test.each([
    "",
    "localhost",
    "10.0.0",
    "10.0.0.0.1",
    "10.0.0.256",
    "10.0.0.01",
    "10..0.1",
    "10.0.0.1 ",
    "1:2:3",
    "::1::2",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "::10.0.0.1:1",
  ])("contains no %p, which is not an address", (text) => {
    expect(list("0.0.0.0/0", "::/0").contains(text)).toBe(false);
  });

  test("looks at every block, and an empty list contains nothing", () => {
    const blocks = list("10.0.0.0/8", " 192.168.0.0/16 ", "fd00::/8");
    expect(blocks.contains("192.168.3.4")).toBe(true);
    expect(blocks.contains("fd12::1")).toBe(true);
    expect(blocks.contains("172.16.0.1")).toBe(false);
    expect(list().contains("10.0.0.1")).toBe(false);
  });

  test.each([
    ["", 'invalid CIDR block "": it is empty'],
    ["10.0.0/8", 'invalid CIDR block "10.0.0/8": "10.0.0" is not an IP address'],
    ["host/8", 'invalid CIDR block "host/8": "host" is not an IP address'],
    [
      "10.0.0.0/33",
      'invalid CIDR block "10.0.0.0/33": the prefix length must be a number from 0 to 32',
    ],
    [
      "10.0.0.0/",
      'invalid CIDR block "10.0.0.0/": the prefix length must be a number from 0 to 32',
    ],
    ["::/129", 'invalid CIDR block "::/129": the prefix length must be a number from 0 to 128'],
    ["::g/8", 'invalid CIDR block "::g/8": "::g" is not an IP address'],
  ])("refuses %p with a clear reason", (entry, message) => {
    const parsed = CidrList.parse(["10.0.0.0/8", entry]);
    expect(parsed).toBeInstanceOf(CidrFault);
    expect((parsed as CidrFault).message).toBe(message);
  });
});
