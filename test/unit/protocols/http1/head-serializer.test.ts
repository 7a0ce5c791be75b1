import { describe, expect, test } from "bun:test";
import { skippedKeys } from "../../../../src/protocols/http/key-spellings.ts";
import { Fields } from "../../../../src/protocols/http/fields.ts";
import { parseRequestHead } from "../../../../src/protocols/http1/head-parser.ts";
import { HeadFault } from "../../../../src/protocols/http/head-fault.ts";
import {
  appendField,
  appendFields,
  requestLine,
  serializeResponseHead,
  statusLine,
} from "../../../../src/protocols/http1/head-serializer.ts";
import { serializeRequestHead } from "../../../support/serialize-request-head.ts";
import { hopByHopKeys } from "../../../../src/protocols/http/hop-by-hop.ts";

function parsedFields(lines: string): Fields {
  const head = parseRequestHead(`GET / HTTP/1.1\r\n${lines}`, 100);
  if (head instanceof HeadFault) throw new Error(head.reason);
  return head.fields;
}

test("whole heads end with an empty line", () => {
  const fields = Fields.of(["Host", "h"], ["x-A", ""], ["X-a", "2"]);
  expect(serializeRequestHead("GET", "/a?b", fields)).toBe(
    "GET /a?b HTTP/1.1\r\nHost: h\r\nx-A: \r\nX-a: 2\r\n\r\n",
  );
  expect(serializeResponseHead(200, "", new Fields())).toBe("HTTP/1.1 200 \r\n\r\n");
  expect(statusLine(404, "Not Found")).toBe("HTTP/1.1 404 Not Found\r\n");
});

describe("requestLine", () => {
  test.each([
    ["GET", ""],
    ["GET", "/ HTTP/1.1\r\nA: b"],
    ["GET", "/a b"],
    ["GET", "/\n"],
    ["GET", "/\0"],
    ["GET", "/\u0120"],
    ["", "/"],
    ["G ET", "/"],
    ["GET\r\n", "/"],
  ])("throws for %j and %j", (method, target) => {
    expect(() => requestLine(method, target)).toThrow(TypeError);
  });

  test("takes bytes above ASCII", () => {
    expect(requestLine("GET", "/\xe9")).toBe("GET /\xe9 HTTP/1.1\r\n");
  });
});

describe("values that could end a line", () => {
  const unsafe = "a\r\nB: c\n\rd\0e\u010af\tg\xff";
  const safe = "a  B: c  d e f\tg\xff";

  test("are defused in single fields and in the reason", () => {
    expect(appendField("", "A", unsafe)).toBe(`A: ${safe}\r\n`);
    expect(statusLine(200, "O\r\nK")).toBe("HTTP/1.1 200 O  K\r\n");
  });

  test("are defused in fields that did not come from the parser", () => {
    expect(appendFields("", Fields.of(["A", unsafe]), null)).toBe(`A: ${safe}\r\n`);
  });

  test("are defused when they were added to parsed fields", () => {
    const fields = parsedFields("A: b\r\n");
    fields.set("A", unsafe);
    expect(appendFields("", fields, null)).toBe(`A: ${safe}\r\n`);
  });

  test("names that are not tokens are left out", () => {
    const fields = Fields.of(["A: x\r\nB", "c"], ["", "d"], ["E", "f"]);
    expect(appendFields("", fields, null)).toBe("E: f\r\n");
  });
});

describe("appendFields", () => {
  const lines = "Host: h\r\nConnection: x-named\r\nX-Named: 1\r\nX-Forwarded-For: 2\r\nA: 3\r\n";
  const skipped = skippedKeys(hopByHopKeys, ["x-forwarded-for"]);
  const kept = "start\r\nHost: h\r\nA: 3\r\n";

  test("leaves the keys of both sets out, of parsed and of other fields", () => {
    const fields = parsedFields(lines);
    const named = new Set(["x-named"]);
    expect(appendFields("start\r\n", fields, skipped, named)).toBe(kept);
    const others = fields.copy();
    others.append("Upgrade", "x");
    expect(others.wellFormed).toBe(false);
    expect(appendFields("start\r\n", others, skipped, named)).toBe(kept);
  });

  test("keeps everything without sets", () => {
    expect(appendFields("", parsedFields(lines), null)).toBe(lines);
  });
});

test("skippedKeys holds every spelling that CGI-like servers confuse with a key", () => {
  expect(skippedKeys(["x-forwarded-for"], ["te"])).toEqual(
    new Set(["x-forwarded-for", "x-forwarded_for", "x_forwarded-for", "x_forwarded_for", "te"]),
  );
});
