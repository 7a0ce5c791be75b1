import { describe, expect, test } from "bun:test";
import type { BodyFraming } from "../../../../src/protocols/http/body-framing.ts";
import { connectionLifeMs } from "../../../../src/protocols/http1/connection-life.ts";
import { requestFraming, responseFraming } from "../../../../src/protocols/http1/framing.ts";
import {
  parseRequestHead,
  parseResponseHead,
} from "../../../../src/protocols/http1/head-parser.ts";
import { HeadFault } from "../../../../src/protocols/http/head-fault.ts";

function ofRequest(lines: string, version = "HTTP/1.1"): BodyFraming | number {
  const head = parseRequestHead(`POST / ${version}\r\n${lines}`, 100);
  const framing = head instanceof HeadFault ? head : requestFraming(head);
  return framing instanceof HeadFault ? framing.status : framing;
}

function ofResponse(lines: string, method = "GET", start = "HTTP/1.1 200 OK"): BodyFraming | "bad" {
  const head = parseResponseHead(`${start}\r\n${lines}`, 100);
  const framing = head instanceof HeadFault ? head : responseFraming(head, method);
  return framing instanceof HeadFault ? "bad" : framing;
}

const badLengths = [
  "",
  "+5",
  "-5",
  "5 5",
  "5,5",
  "5, 6",
  "0x5",
  "5a",
  "5.0",
  "1e3",
  "5;",
  '"5"',
  "\xb2",
  "9007199254740992",
  "9223372036854775808",
  "18446744073709551621",
  "99999999999999999999999",
  `${"0".repeat(30)}5`,
];

const badCodings = [
  "Transfer-Encoding: \r\n",
  "Transfer-Encoding: gzip\r\n",
  "Transfer-Encoding: identity\r\n",
  "Transfer-Encoding: gzip, chunked\r\n",
  "Transfer-Encoding: chunked, gzip\r\n",
  "Transfer-Encoding: chunked, chunked\r\n",
  "Transfer-Encoding: chunked,\r\n",
  "Transfer-Encoding: ,chunked\r\n",
  "Transfer-Encoding: chunked;a=b\r\n",
  "Transfer-Encoding: chunked;\r\n",
  'Transfer-Encoding: "chunked"\r\n',
  "Transfer-Encoding: xchunked\r\n",
  "Transfer-Encoding: chunkedx\r\n",
  "Transfer-Encoding: chu nked\r\n",
  "Transfer-Encoding: \xa0chunked\r\n",
  "Transfer-Encoding: chunked\xa0\r\n",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
  "Transfer-Encoding: chunked\r\ntransfer-encoding: \r\n",
];

const illegalCodings = [
  "Transfer-Encoding: \x0bchunked\r\n",
  "Transfer-Encoding: chunked\0\r\n",
  "Transfer-Encoding : chunked\r\n",
  "Transfer-Encoding:\r\n chunked\r\n",
  " Transfer-Encoding: chunked\r\n",
  "X: y\nTransfer-Encoding: chunked\r\n",
  "X: y\rTransfer-Encoding: chunked\r\n",
  "Transfer-Encoding\r\n",
];

describe("requestFraming", () => {
  test("knows no body, a length, and chunks", () => {
    expect(ofRequest("")).toEqual({ kind: "none" });
    expect(ofRequest("Content-Length: 0\r\n")).toEqual({ kind: "length", length: 0 });
    expect(ofRequest("content-length:  12\t\r\n")).toEqual({ kind: "length", length: 12 });
    expect(ofRequest("Transfer-Encoding: \t cHUNKED \r\n")).toEqual({ kind: "chunked" });
    expect(ofRequest("Content-Length: 9007199254740991\r\n")).toEqual({
      kind: "length",
      length: 9_007_199_254_740_991,
    });
  });

  test.each(badLengths)("refuses the Content-Length %j", (value) => {
    expect(ofRequest(`Content-Length: ${value}\r\n`)).toBe(400);
  });

  test.each([...badCodings, ...illegalCodings])("refuses %j", (lines) => {
    expect(ofRequest(lines)).toBeOneOf([400, 501]);
  });

  test("refuses Content-Length beside Transfer-Encoding in either order", () => {
    expect(ofRequest("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")).toBe(400);
    expect(ofRequest("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")).toBe(400);
    expect(ofRequest("Transfer-Encoding: identity\r\nContent-Length: 5\r\n")).toBe(400);
  });

  test("refuses Transfer-Encoding of HTTP/1.0", () => {
    expect(ofRequest("Transfer-Encoding: chunked\r\n", "HTTP/1.0")).toBe(400);
  });

  test("refuses Content-Lengths that differ, in any spelling", () => {
    expect(ofRequest("Content-Length: 5\r\nContent-Length: 6\r\n")).toBe(400);
    expect(ofRequest("Content-Length: 5\r\ncontent-length: 05\r\n")).toBe(400);
    expect(ofRequest("Content-Length: 5\r\nContent-Length: \r\n")).toBe(400);
  });

  test("makes one canonical line of equal repeats and leading zeros", () => {
    for (const lines of [
      "Content-Length: 7\r\nA: b\r\nContent-Length: 7\r\n",
      "Content-Length: 007\r\n",
    ]) {
      const head = parseRequestHead(`POST / HTTP/1.1\r\n${lines}`, 100);
      if (head instanceof HeadFault) throw new Error(head.reason);
      expect(requestFraming(head)).toEqual({ kind: "length", length: 7 });
      expect(head.fields.all("content-length")).toEqual(["7"]);
    }
  });
});

describe("responseFraming", () => {
  test("knows a length, chunks, and the end of the connection", () => {
    expect(ofResponse("Content-Length: 3\r\n")).toEqual({ kind: "length", length: 3 });
    expect(ofResponse("Transfer-Encoding: Chunked\r\n")).toEqual({ kind: "chunked" });
    expect(ofResponse("")).toEqual({ kind: "until-close" });
    expect(ofResponse("", "GET", "HTTP/1.0 200 OK")).toEqual({ kind: "until-close" });
  });

  test.each([
    "HTTP/1.1 204 None",
    "HTTP/1.1 304 Same",
    "HTTP/1.1 103 Early",
    "HTTP/1.1 101 Switch",
  ])("gives %s no body whatever its fields say", (start) => {
    expect(ofResponse("Content-Length: 3\r\n", "GET", start)).toEqual({ kind: "none" });
    expect(ofResponse("Transfer-Encoding: chunked\r\n", "GET", start)).toEqual({ kind: "none" });
  });

  test("takes the length of a 204 away, and whatever is no length where no body can follow", () => {
    for (const [start, method, lines, kept] of [
      ["HTTP/1.1 204 None", "GET", "Content-Length: 3\r\n", []],
      ["HTTP/1.1 304 Same", "GET", "Content-Length: 3\r\n", ["3"]],
      ["HTTP/1.1 200 OK", "HEAD", "Content-Length: 3\r\n", ["3"]],
      ["HTTP/1.1 200 OK", "HEAD", "Content-Length: 3\r\nContent-Length: 4\r\n", []],
      ["HTTP/1.1 304 Same", "GET", "Content-Length: x\r\n", []],
      ["HTTP/1.1 200 OK", "HEAD", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", []],
    ] as const) {
      const head = parseResponseHead(`${start}\r\n${lines}`, 100);
      if (head instanceof HeadFault) throw new Error(head.reason);
      expect(responseFraming(head, method)).toEqual({ kind: "none" });
      expect(head.fields.all("content-length")).toEqual(kept as unknown as string[]);
    }
  });

  test.each(badLengths)(
    "refuses the Content-Length %j, but not where no body can follow",
    (value) => {
      expect(ofResponse(`Content-Length: ${value}\r\n`)).toBe("bad");
      expect(ofResponse(`Content-Length: ${value}\r\n`, "HEAD")).toEqual({ kind: "none" });
    },
  );

  test.each(badCodings)("refuses %j, but not where no body can follow", (lines) => {
    expect(ofResponse(lines)).toBe("bad");
    expect(ofResponse(lines, "HEAD")).toEqual({ kind: "none" });
  });

  test.each(illegalCodings)("refuses %j always: it is no field line", (lines) => {
    expect(ofResponse(lines)).toBe("bad");
    expect(ofResponse(lines, "HEAD")).toBe("bad");
  });

  test.each(["5", "x", "5\r\nContent-Length: 6"])(
    "lets chunks count beside the length %j, which goes, and trusts the connection no longer",
    (length) => {
      for (const lines of [
        `Content-Length: ${length}\r\nTransfer-Encoding: chunked\r\n`,
        `Transfer-Encoding: chunked\r\nContent-Length: ${length}\r\n`,
      ]) {
        const head = parseResponseHead(`HTTP/1.1 200 OK\r\n${lines}`, 100);
        if (head instanceof HeadFault) throw new Error(head.reason);
        expect(responseFraming(head, "GET")).toEqual({ kind: "chunked" });
        expect(head.fields.has("content-length")).toBeFalse();
        expect(head.ambiguous).toBeTrue();
        expect(connectionLifeMs(head)).toBe(0);
      }
    },
  );

  test("refuses two lengths, and chunks of HTTP/1.0", () => {
    expect(ofResponse("Content-Length: 5\r\nContent-Length: 6\r\n")).toBe("bad");
    expect(ofResponse("Transfer-Encoding: chunked\r\n", "GET", "HTTP/1.0 200 OK")).toBe("bad");
  });
});

describe("connectionLifeMs", () => {
  test.each([
    ["HTTP/1.1", "", Infinity],
    ["HTTP/1.1", "Connection: close\r\n", 0],
    ["HTTP/1.1", "Connection: keep-alive\r\n", Infinity],
    ["HTTP/1.0", "", 0],
    ["HTTP/1.0", "Connection: Keep-Alive\r\n", Infinity],
    ["HTTP/1.1", "Connection: upgrade, close\r\n", 0],
    ["HTTP/1.1", "Keep-Alive: timeout=5\r\n", 4_000],
    ["HTTP/1.1", "Connection: keep-alive\r\nKeep-Alive: max=100, Timeout=5\r\n", 4_000],
    ["HTTP/1.1", 'Keep-Alive: timeout="60"\r\n', 59_000],
    ["HTTP/1.1", "Keep-Alive: timeout=1\r\n", 500],
    ["HTTP/1.1", "Keep-Alive: timeout=0\r\n", 0],
    ["HTTP/1.1", "Keep-Alive: timeout=5, max=0\r\n", 4_000],
    ["HTTP/1.1", "Keep-Alive: xtimeout=5\r\n", Infinity],
    ["HTTP/1.1", "Keep-Alive: timeout=soon\r\n", Infinity],
    ["HTTP/1.1", "Connection: close\r\nKeep-Alive: timeout=5\r\n", 0],
  ])("%s with %j: %d", (version, lines, expected) => {
    const head = parseResponseHead(`${version} 200 OK\r\n${lines}`, 100);
    if (head instanceof HeadFault) throw new Error(head.reason);
    expect(connectionLifeMs(head)).toBe(expected);
  });
});
