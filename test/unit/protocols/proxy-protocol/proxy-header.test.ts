import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  maxProxyExtraBytes,
  parseProxyHeader,
} from "../../../../src/protocols/proxy-protocol/proxy-header.ts";

const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

function text(line: string) {
  return parseProxyHeader(Buffer.from(line, "latin1"));
}

function binary(versionAndCommand: number, family: number, extra: Buffer, length = extra.length) {
  const fixed = Buffer.from([versionAndCommand, family, length >> 8, length & 0xff]);
  return Buffer.concat([signature, fixed, extra]);
}

const ipv4 = Buffer.from("c0000201cb00710a1f900050", "hex");
const ipv6 = Buffer.from(
  "20010db800000000000000000000000120010db80000000000000000000000021f900050",
  "hex",
);
const mapped = Buffer.from(`${"00".repeat(10)}ffffc0000201${"00".repeat(16)}1f900050`, "hex");

describe("version 1", () => {
  test.each([
    ["PROXY TCP4 192.0.2.1 203.0.113.10 8080 80\r\n", "192.0.2.1", 8080],
    ["PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n", "255.255.255.255", 65_535],
    ["PROXY TCP6 2001:DB8:0::1 2001:db8::2 1 443\r\n", "2001:db8::1", 1],
    ["PROXY TCP6 ::ffff:192.0.2.1 ::1 8080 80\r\n", "192.0.2.1", 8080],
  ])("reads %j", (line, address, port) => {
    expect(text(`${line}GET / HTTP/1.1\r\n`)).toEqual({
      kind: "complete",
      consumed: line.length,
      source: { address, port },
    });
  });

  test.each(["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"])(
    "takes the connection's own address for %j",
    (line) => {
      expect(text(`${line}x`)).toEqual({ kind: "complete", consumed: line.length, source: null });
    },
  );

  test("takes a line of 107 bytes and no longer one", () => {
    const longest = `PROXY UNKNOWN ${"a".repeat(91)}\r\n`;
    expect(longest.length).toBe(107);
    expect(text(longest)).toMatchObject({ kind: "complete", consumed: 107 });
    expect(text(longest.slice(0, 106))).toEqual({ kind: "incomplete" });
    expect(text(`PROXY UNKNOWN ${"a".repeat(92)}\r\n`).kind).toBe("invalid");
    expect(text(`PROXY UNKNOWN ${"a".repeat(93)}`).kind).toBe("invalid");
  });

  test.each([
    "PROXY\r\n",
    "PROXY \r\n",
    "PROXY TCP4\r\n",
    "proxy TCP4 192.0.2.1 203.0.113.10 8080 80\r\n",
    "PROXY TCP5 192.0.2.1 203.0.113.10 8080 80\r\n",
    "PROXY TCP4 192.0.2.1 203.0.113.10 8080\r\n",
    "PROXY TCP4 192.0.2.1 203.0.113.10 8080 80 1\r\n",
    "PROXY TCP4  192.0.2.1 203.0.113.10 8080 80\r\n",
    "PROXY TCP4 192.0.2.1 203.0.113.10 8080 80 \r\n",
    "PROXY TCP4 192.0.2.256 203.0.113.10 8080 80\r\n",
    "PROXY TCP4 192.0.2 203.0.113.10 8080 80\r\n",
    "PROXY TCP4 192.0.2.1. 203.0.113.10 8080 80\r\n",
    "PROXY TCP4 192.0.2.01 203.0.113.10 8080 80\r\n",
    "PROXY TCP4 192.0.2.1.1 203.0.113.10 8080 80\r\n",
    "PROXY TCP4 192.0.2.1 nonsense 8080 80\r\n",
    "PROXY TCP4 ::1 ::2 8080 80\r\n",
    "PROXY TCP6 192.0.2.1 203.0.113.10 8080 80\r\n",
    "PROXY TCP6 ::1::2 ::1 8080 80\r\n",
    "PROXY TCP4 192.0.2.1 203.0.113.10 65536 80\r\n",
    "PROXY TCP4 192.0.2.1 203.0.113.10 8080 99999\r\n",
    "PROXY TCP4 192.0.2.1 203.0.113.10 080 80\r\n",
    "PROXY TCP4 192.0.2.1 203.0.113.10 -1 80\r\n",
    "PROXY TCP4 192.0.2.1 203.0.113.10 8080 80\n",
    "PROXY UNKNOWN\n",
    "PROXY UNKNOWNX\r\n",
    "PROXY UNKNOWN a\rb\r\n",
    "GET / HTTP/1.1\r\n",
    "PROXX",
    "\x16\x03\x01",
    "\r\n\r\nGET",
  ])("refuses %j", (line) => {
    expect(text(line).kind).toBe("invalid");
  });
});

describe("version 2", () => {
  test.each([
    ["IPv4", 0x11, ipv4, "192.0.2.1"],
    ["IPv4 over UDP", 0x12, ipv4, "192.0.2.1"],
    ["IPv6", 0x21, ipv6, "2001:db8::1"],
    ["mapped IPv4", 0x21, mapped, "192.0.2.1"],
  ])("reads %s", (_, family, addresses, address) => {
    const header = binary(0x21, family, addresses);
    expect(parseProxyHeader(Buffer.concat([header, Buffer.from("rest")]))).toEqual({
      kind: "complete",
      consumed: header.length,
      source: { address, port: 8_080 },
    });
  });

  test("skips extensions, empty ones as well", () => {
    const extensions = Buffer.from("0100026832040000", "hex");
    const header = binary(0x21, 0x11, Buffer.concat([ipv4, extensions]));
    expect(parseProxyHeader(header)).toMatchObject({
      consumed: header.length,
      source: { address: "192.0.2.1" },
    });
  });

  test.each([
    ["LOCAL", binary(0x20, 0x00, Buffer.alloc(0))],
    ["LOCAL with addresses", binary(0x20, 0x11, ipv4)],
    ["LOCAL with anything", binary(0x20, 0xff, Buffer.from("junk"))],
    ["an unspecified family", binary(0x21, 0x00, Buffer.from("junk"))],
    ["an unspecified transport", binary(0x21, 0x10, ipv4)],
    ["a unix socket", binary(0x21, 0x31, Buffer.alloc(216))],
  ])("takes the connection's own address for %s", (_, header) => {
    expect(parseProxyHeader(header)).toEqual({
      kind: "complete",
      consumed: header.length,
      source: null,
    });
  });

  test("takes extensions up to the limit", () => {
    const padding = Buffer.alloc(maxProxyExtraBytes - ipv4.length);
    padding[0] = 4;
    padding.writeUInt16BE(padding.length - 3, 1);
    const header = binary(0x21, 0x11, Buffer.concat([ipv4, padding]));
    expect(parseProxyHeader(header)).toMatchObject({ consumed: 16 + maxProxyExtraBytes });
  });

  test.each([
    ["version 1 in binary", binary(0x11, 0x11, ipv4)],
    ["version 3", binary(0x31, 0x11, ipv4)],
    ["an unknown command", binary(0x22, 0x11, ipv4)],
    ["an unknown family", binary(0x21, 0x41, ipv4)],
    ["an unknown transport", binary(0x21, 0x13, ipv4)],
    ["addresses cut short", binary(0x21, 0x11, ipv4.subarray(0, 11))],
    ["IPv6 with the length of IPv4", binary(0x21, 0x21, ipv4)],
    [
      "an extension beyond the header",
      binary(0x21, 0x11, Buffer.concat([ipv4, Buffer.from("0100ff68", "hex")])),
    ],
    ["bytes that are no extension", binary(0x21, 0x11, Buffer.concat([ipv4, Buffer.from([1, 0])]))],
    ["a length beyond the limit, at once", binary(0x21, 0x11, ipv4, maxProxyExtraBytes + 1)],
    ["the largest length, at once", binary(0x21, 0x11, Buffer.alloc(0), 0xffff)],
    ["another version, at once", Buffer.concat([signature, Buffer.from([0x11])])],
    ["a broken signature", Buffer.from("0d0a0d0a000d0a51554954ff", "hex")],
  ])("refuses %s", (_, header) => {
    expect(parseProxyHeader(header).kind).toBe("invalid");
  });
});

test("every beginning of a header is incomplete, and no byte is asked for in vain", () => {
  const headers = [
    Buffer.from("PROXY TCP4 192.0.2.1 203.0.113.10 8080 80\r\n"),
    binary(0x21, 0x11, ipv4),
    binary(0x21, 0x21, ipv6),
    binary(0x20, 0x00, Buffer.alloc(0)),
  ];
  for (const header of headers) {
    for (let length = 0; length < header.length; length++) {
      expect(parseProxyHeader(header.subarray(0, length))).toEqual({ kind: "incomplete" });
    }
    expect(parseProxyHeader(header).kind).toBe("complete");
  }
});

test("any bytes are answered without a throw, and never waited for beyond the limit", () => {
  const start = fc.constantFrom(signature, Buffer.from("PROXY "), Buffer.alloc(0));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 60 }), (prefix, rest) => {
      const bytes = Buffer.concat([prefix, rest]);
      const header = parseProxyHeader(bytes);
      if (header.kind === "complete") expect(header.consumed).toBeLessThanOrEqual(bytes.length);
      const long = Buffer.concat([bytes, Buffer.alloc(16 + maxProxyExtraBytes, 0x61)]);
      expect(parseProxyHeader(long).kind).not.toBe("incomplete");
    }),
  );
});
