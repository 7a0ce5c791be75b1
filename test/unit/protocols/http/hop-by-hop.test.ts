import { describe, expect, test } from "bun:test";
import { Fields } from "../../../../src/protocols/http/fields.ts";
import {
  connectionOptions,
  isHopByHop,
  namedByConnection,
  namesTooMuch,
  requestedProtocol,
  hasConnectionField,
} from "../../../../src/protocols/http/hop-by-hop.ts";

test("isHopByHop knows the fields of one connection", () => {
  for (const key of ["connection", "te", "trailer", "upgrade", "http2-settings", "keep-alive"]) {
    expect(isHopByHop(key)).toBe(true);
  }
  for (const key of ["host", "content-length", "cookie", "expect"]) {
    expect(isHopByHop(key)).toBe(false);
  }
});

describe("namedByConnection", () => {
  test("is null when Connection names no further field", () => {
    for (const value of [
      undefined,
      "",
      "close",
      "keep-alive",
      "Keep-Alive, Upgrade",
      "TE, close",
    ]) {
      expect(namedByConnection(value)).toBeNull();
    }
  });

  test("lowers the names", () => {
    expect(namedByConnection("close, X-Foo,,\tbar ")).toEqual(new Set(["x-foo", "bar"]));
  });

  test("never names what tells where the message ends or whom it is for", () => {
    expect(namedByConnection("Content-Length, Host")).toBeNull();
    expect(namedByConnection("content-length, cookie")).toEqual(new Set(["cookie"]));
  });
});

test("connectionOptions reads all lines in any case", () => {
  const fields = Fields.of(["Connection", "Close, x"], ["connection", "Keep-Alive,UPGRADE"]);
  expect(connectionOptions(fields)).toEqual({ close: true, keepAlive: true, upgrade: true });
  const keepAlive = Fields.of(["Connection", "keep-alive"]);
  expect(connectionOptions(keepAlive)).toEqual({ close: false, keepAlive: true, upgrade: false });
  expect(connectionOptions(new Fields())).toEqual({
    close: false,
    keepAlive: false,
    upgrade: false,
  });
  const longer = Fields.of(["Connection", "closed, not-close"]);
  expect(connectionOptions(longer).close).toBe(false);
});

describe("requestedProtocol", () => {
  test.each(["websocket", "WebSocket", "my-proto/1.0"])("is %s as sent", (value) => {
    expect(requestedProtocol(Fields.of(["Upgrade", value]))).toBe(value);
  });

  test.each(["h2c", "H2C", "h2", "HTTP/2.0", "websocket, h2c", "a, b", "a b", "a/b/c", "a/", ""])(
    "is none for %j",
    (value) => {
      expect(requestedProtocol(Fields.of(["Upgrade", value]))).toBeNull();
    },
  );

  test("is none without the field, and for two lines", () => {
    expect(requestedProtocol(new Fields())).toBeNull();
    expect(requestedProtocol(Fields.of(["Upgrade", "a"], ["Upgrade", "h2c"]))).toBeNull();
  });
});

test.each([
  ["Connection", "x-foo", true],
  ["Keep-Alive", "", true],
  ["Proxy-Connection", "close", true],
  ["Transfer-Encoding", "chunked", true],
  ["Upgrade", "h2c", true],
  ["TE", "gzip", true],
  ["TE", "trailers, gzip", true],
  ["TE", "Trailers", false],
  ["Trailer", "x-sum", false],
])("hasConnectionField of %s: %j is %p", (name, value, expected) => {
  expect(hasConnectionField(Fields.of(["Host", "a"], [name, value]))).toBe(expected);
});

test("namesTooMuch tells lists that nobody means, however they are spread", () => {
  const lines = (count: number): Fields =>
    Fields.of(...Array.from({ length: count }, (): [string, string] => ["Connection", "a, b"]));
  expect([0, 1, 50].map((count) => namesTooMuch(lines(count)))).toEqual([false, false, false]);
  expect(namesTooMuch(lines(51))).toBe(true);
  expect(namesTooMuch(Fields.of(["Connection", ",".repeat(1_000)]))).toBe(true);
});
