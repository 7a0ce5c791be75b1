import { describe, expect, test } from "bun:test";
import {
  hopelessRequestStart,
  parseFieldLines,
  parseRequestHead,
  parseResponseHead,
} from "../../../../src/protocols/http1/head-parser.ts";
import type { RequestHead } from "../../../../src/protocols/http/message-head.ts";
import type { VersionedResponseHead } from "../../../../src/protocols/http1/response-head.ts";
import { HeadFault } from "../../../../src/protocols/http/head-fault.ts";

const maxFields = 100;

function request(text: string): RequestHead {
  const head = parseRequestHead(text, maxFields);
  if (head instanceof HeadFault) throw new Error(head.reason);
  return head;
}

function requestStatus(text: string): number | undefined {
  const head = parseRequestHead(text, maxFields);
  return head instanceof HeadFault ? head.status : undefined;
}

function response(text: string): VersionedResponseHead {
  const head = parseResponseHead(text, maxFields);
  if (head instanceof HeadFault) throw new Error(head.reason);
  return head;
}

describe("parseRequestHead", () => {
  test("keeps names, order, duplicates and bytes as sent", () => {
    const head = request("GET /a%20b?x=1&y HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a:2\r\nX-E:\r\n");
    expect(head.method).toBe("GET");
    expect(head.target).toBe("/a%20b?x=1&y");
    expect(head.version).toBe("HTTP/1.1");
    expect(head.fields.names).toEqual(["Host", "X-A", "x-a", "X-E"]);
    expect(head.fields.keys).toEqual(["host", "x-a", "x-a", "x-e"]);
    expect(head.fields.values).toEqual(["h", "1", "2", ""]);
    expect(head.fields.wellFormed).toBe(true);
  });

  test("takes HTTP/1.0, unknown methods and a head without fields", () => {
    expect(request("FOO!BAR * HTTP/1.0\r\n")).toMatchObject({ method: "FOO!BAR", target: "*" });
  });

  test("trims blanks around a value but not within it", () => {
    expect(request("GET / HTTP/1.1\r\nA: \t b \t c\t \r\n").fields.values).toEqual(["b \t c"]);
  });

  test("keeps bytes above ASCII in values and in the target", () => {
    const head = request("GET /caf\xe9 HTTP/1.1\r\nA: \xa0\xff\x80\r\n");
    expect(head.target).toBe("/caf\xe9");
    expect(head.fields.values).toEqual(["\xa0\xff\x80"]);
  });

  test("takes as many fields as allowed and answers 431 to one more", () => {
    const lines = "A: b\r\n".repeat(maxFields);
    expect(requestStatus(`GET / HTTP/1.1\r\n${lines}`)).toBeUndefined();
    expect(requestStatus(`GET / HTTP/1.1\r\n${lines}A: b\r\n`)).toBe(431);
  });

  test.each([
    ["a major version of 2", "GET / HTTP/2.0\r\n"],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n"],
    ["a minor version of 2", "GET / HTTP/1.2\r\n"],
    ["version 0.9 in full", "GET / HTTP/0.9\r\n"],
  ])("answers 505 to %s", (_, text) => {
    expect(requestStatus(text)).toBe(505);
  });

  test.each([
    ["the simple request of HTTP/0.9", "GET /\r\n"],
    ["no target", "GET HTTP/1.1\r\n"],
    ["an empty target", "GET  HTTP/1.1\r\n"],
    ["an empty text", ""],
    ["an empty line", "\r\n"],
    ["an empty line first", "\r\nGET / HTTP/1.1\r\n"],
    ["a leading blank", " GET / HTTP/1.1\r\n"],
    ["two blanks before the target", "GET  / HTTP/1.1\r\n"],
    ["two blanks before the version", "GET /  HTTP/1.1\r\n"],
    ["a blank behind the version", "GET / HTTP/1.1 \r\n"],
    ["a blank in the target", "GET /a b HTTP/1.1\r\n"],
    ["a tab in place of a blank", "GET\t/ HTTP/1.1\r\n"],
    ["a tab in the target", "GET /a\tb HTTP/1.1\r\n"],
    ["a lower-case version", "GET / http/1.1\r\n"],
    ["a version with more digits", "GET / HTTP/1.10\r\n"],
    ["a version with a zero in front", "GET / HTTP/01.1\r\n"],
    ["a method that is not a token", "G(T / HTTP/1.1\r\n"],
    ["a colon in the method", "GET: / HTTP/1.1\r\n"],
    ["a method above ASCII", "G\xcbT / HTTP/1.1\r\n"],
    ["NUL in the target", "GET /\0 HTTP/1.1\r\n"],
    ["DEL in the target", "GET /\x7f HTTP/1.1\r\n"],
    ["a control character in the target", "GET /\x01 HTTP/1.1\r\n"],
    ["a bare LF behind the request line", "GET / HTTP/1.1\nA: b\r\n"],
    ["a bare CR in the request line", "GET /\rHTTP/1.1 HTTP/1.1\r\n"],
    ["two CRs", "GET / HTTP/1.1\r\r\n"],
    ["no line end", "GET / HTTP/1.1"],
  ])("answers 400 to %s", (_, text) => {
    expect(requestStatus(text)).toBe(400);
  });

  test.each([
    ["no colon", "A b"],
    ["no name", ": b"],
    ["only a colon", ":"],
    ["a blank before the colon", "A : b"],
    ["a tab before the colon", "A\t: b"],
    ["a blank before the name", " A: b"],
    ["a blank in the name", "A B: c"],
    ["a name that is not a token", "A(b): c"],
    ["a slash in the name", "A/b: c"],
    ["a name in quotes", '"A": c'],
    ["a name above ASCII", "\xc4: c"],
    ["NUL in the value", "A: b\0c"],
    ["NUL in the name", "A\0: b"],
    ["a vertical tab", "A: \x0bb"],
    ["a form feed", "A: \x0cb"],
    ["ESC", "A: \x1bb"],
    ["DEL", "A: \x7f"],
    ["a bare CR in the value", "A: b\rc"],
    ["a bare CR at the end of the value", "A: b\r"],
    ["a bare LF in the value", "A: b\nC: d"],
    ["a bare LF as an empty line", "A: b\n\nC: d"],
    ["an empty line", ""],
  ])("answers 400 to a field line with %s, first, between or last", (_, line) => {
    expect(requestStatus(`GET / HTTP/1.1\r\n${line}\r\n`)).toBe(400);
    expect(requestStatus(`GET / HTTP/1.1\r\nH: h\r\n${line}\r\n`)).toBe(400);
    expect(requestStatus(`GET / HTTP/1.1\r\nH: h\r\n${line}\r\nE: f\r\n`)).toBe(400);
  });

  test.each([" folded", "\tfolded", " with: colon", " "])("refuses the folded line %j", (line) => {
    expect(requestStatus(`GET / HTTP/1.1\r\nA: b\r\n${line}\r\n`)).toBe(400);
  });

  test("refuses a last line without its end", () => {
    expect(requestStatus("GET / HTTP/1.1\r\nA: b")).toBe(400);
    expect(requestStatus("GET / HTTP/1.1\r\nA: b\r")).toBe(400);
    expect(requestStatus("GET / HTTP/1.1\r\nA: b\n")).toBe(400);
  });
});

describe("parseResponseHead", () => {
  test("keeps status, reason and fields as sent", () => {
    const head = response("HTTP/1.1 404 Not  here \xe9\r\nA: b\r\n");
    expect(head).toMatchObject({ version: "HTTP/1.1", status: 404, reason: "Not  here \xe9" });
    expect(head.fields.values).toEqual(["b"]);
  });

  test("takes a status line without reason, with and without the blank", () => {
    expect(response("HTTP/1.1 200 \r\n").reason).toBe("");
    expect(response("HTTP/1.0 200\r\n")).toMatchObject({ version: "HTTP/1.0", reason: "" });
  });

  test.each([
    ["another version", "HTTP/2.0 200 OK\r\n"],
    ["a minor version of 2", "HTTP/1.2 200 OK\r\n"],
    ["another protocol", "ICY 200 OK\r\n"],
    ["a version alone", "HTTP/1.1\r\n"],
    ["no status", "HTTP/1.1 \r\n"],
    ["two digits", "HTTP/1.1 20\r\n"],
    ["two digits and a reason", "HTTP/1.1 20 OK\r\n"],
    ["four digits", "HTTP/1.1 2000 OK\r\n"],
    ["a status below 100", "HTTP/1.1 099 Odd\r\n"],
    ["letters", "HTTP/1.1 2x0 OK\r\n"],
    ["a sign", "HTTP/1.1 +20 OK\r\n"],
    ["two blanks", "HTTP/1.1  200 OK\r\n"],
    ["a tab", "HTTP/1.1\t200 OK\r\n"],
    ["a tab behind the status", "HTTP/1.1 200\tOK\r\n"],
    ["a bare LF", "HTTP/1.1 200 OK\nA: b\r\n"],
    ["NUL in the reason", "HTTP/1.1 200 O\0K\r\n"],
    ["a leading empty line", "\r\nHTTP/1.1 200 OK\r\n"],
    ["an empty text", ""],
    ["a folded field", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n"],
    ["a blank before the colon", "HTTP/1.1 200 OK\r\nA : b\r\n"],
  ])("refuses %s", (_, text) => {
    expect(parseResponseHead(text, maxFields)).toBeInstanceOf(HeadFault);
  });
});

describe("parseFieldLines", () => {
  test("begins where it is told to", () => {
    const fields = parseFieldLines("skipped A: b\r\nC: d\r\n", 8, maxFields);
    expect(fields).toMatchObject({ names: ["A", "C"], values: ["b", "d"] });
  });

  test("refuses control characters by itself", () => {
    expect(parseFieldLines("A: b\x01\r\n", 0, maxFields)).toBeInstanceOf(HeadFault);
  });
});

describe("hopelessRequestStart", () => {
  test.each(["G", "GET /", "GET / HTTP/1.1", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\nA", ""])(
    "waits for more after %j",
    (text) => {
      expect(hopelessRequestStart(text)).toBeNull();
    },
  );

  test("leaves a version that is not served to the parser, which knows its status", () => {
    expect(hopelessRequestStart("PRI * HTTP/2.0\r\nx")).toBeNull();
  });

  test.each(["GET /\r\n", "GET / HTTP/1.1\n", "\n", "\x16\x03\x01", "hello\r\n", "a b c d\r\n"])(
    "gives %j up",
    (text) => {
      expect(hopelessRequestStart(text)).toBeInstanceOf(HeadFault);
    },
  );
});
