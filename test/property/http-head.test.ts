import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { requestFraming } from "../../src/protocols/http1/framing.ts";
import { Fields } from "../../src/protocols/http/fields.ts";
import { appendFields, serializeResponseHead } from "../../src/protocols/http1/head-serializer.ts";
import { serializeRequestHead } from "../support/serialize-request-head.ts";
import {
  hopelessRequestStart,
  parseRequestHead,
  parseResponseHead,
} from "../../src/protocols/http1/head-parser.ts";
import type { RequestHead } from "../../src/protocols/http/message-head.ts";
import { HeadFault } from "../../src/protocols/http/head-fault.ts";
import { checkRequest } from "../../src/protocols/http/request-policy.ts";

const maxFields = 50;

function charactersOf(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String.fromCharCode(from + i));
}

const tokenCharacters = [..."!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz"];
const visible = [...charactersOf(0x21, 0x7e), ...charactersOf(0x80, 0xff)];
const token = fc.string({ unit: fc.constantFrom(...tokenCharacters), minLength: 1, maxLength: 12 });
const name = fc.oneof(
  token,
  fc.constantFrom("Host", "host", "Accept", "Cookie", "Set-Cookie", "X-Requested-With", "ETag"),
);
const value = fc
  .string({ unit: fc.constantFrom(...visible, " ", "\t"), maxLength: 20 })
  .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ""));
const fieldPairs = fc.array(fc.tuple(name, value), { maxLength: 12 });
const target = fc
  .string({ unit: fc.constantFrom(...visible), maxLength: 20 })
  .map((text) => `/${text}`);
const reason = fc.string({ unit: fc.constantFrom(...visible, " ", "\t"), maxLength: 20 });

function pairsOf(fields: Fields): [string, string][] {
  return fields.names.map((field, i) => [field, fields.values[i]!]);
}

/** Without the empty line that ends the section, as the parser wants it. */
function section(text: string): string {
  return text.slice(0, -2);
}

interface PlainHead {
  method: string;
  target: string;
  version: string;
  fields: [string, string][];
}

function plain(head: RequestHead | HeadFault): PlainHead | undefined {
  if (head instanceof HeadFault) return undefined;
  const { method, version } = head;
  return { method, target: head.target, version, fields: pairsOf(head.fields) };
}

/** The grammar of RFC 9112 3 and 5, written down once more without a thought for speed. */
function referenceParse(text: string): PlainHead | undefined {
  if (!text.endsWith("\r\n")) return undefined;
  const lines = text.slice(0, -2).split("\r\n");
  const first = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) (HTTP\/1\.[01])$/.exec(
    lines[0]!,
  );
  if (first === null) return undefined;
  const fields: [string, string][] = [];
  for (const line of lines.slice(1)) {
    const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/.exec(line);
    if (match === null) return undefined;
    fields.push([match[1]!, match[2]!.replace(/^[ \t]+|[ \t]+$/g, "")]);
  }
  if (fields.length > maxFields) return undefined;
  return { method: first[1]!, target: first[2]!, version: first[3]!, fields };
}

/** Pieces that are each nearly right, so that most heads made of them are, too. */
const nearlyHead = fc
  .tuple(
    fc.constantFrom("GET", "POST", "PRI", "G T", "", "G\xe9", "X:"),
    fc.constantFrom(" ", " ", " ", " ", "  ", "\t"),
    fc.constantFrom("/", "/a?b", "*", "http://h/", "", "/\t", "/\xff", "/\x7f"),
    fc.constantFrom(" HTTP/1.1", " HTTP/1.1", " HTTP/1.0", " HTTP/2.0", "", " HTTP/1.1 "),
    fc.array(
      fc.tuple(
        fc.constantFrom("\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", ""),
        fc.constantFrom("A", "Host", "x-b", "X-B", "Content-Length", "c d", " A", ""),
        fc.constantFrom(":", ":", ": ", ":\t ", " :", "", "::"),
        fc.constantFrom("", "v", "v w", " v ", "\t", "\xa0", "\0", "\x0b", "a\rb", "a\nb"),
      ),
      { maxLength: 5 },
    ),
    fc.constantFrom("\r\n", "\r\n", "\r\n", "\n", "", "\r\n\r"),
  )
  .map(
    ([method, blank, uri, version, lines, end]) =>
      method + blank + uri + version + lines.map((parts) => parts.join("")).join("") + end,
  );

const mutation = fc.record({
  at: fc.nat(1_000),
  remove: fc.nat(3),
  insert: fc.constantFrom("", "\r", "\n", "\0", " ", "\t", ":", "\r\n", "a", "\xff", "\x7f", ","),
});

function mutate(text: string, mutations: { at: number; remove: number; insert: string }[]): string {
  let mutated = text;
  for (const { at, remove, insert } of mutations) {
    const index = at % (mutated.length + 1);
    mutated = mutated.slice(0, index) + insert + mutated.slice(index + remove);
  }
  return mutated;
}

describe("a request head", () => {
  test("that was serialised is parsed to the same", () => {
    fc.assert(
      fc.property(token, target, fieldPairs, (method, uri, pairs) => {
        const text = section(serializeRequestHead(method, uri, Fields.of(...pairs)));
        expect(plain(parseRequestHead(text, maxFields))).toEqual({
          method,
          target: uri,
          version: "HTTP/1.1",
          fields: pairs,
        });
      }),
    );
  });

  test("is read exactly as the grammar says", () => {
    fc.assert(
      fc.property(nearlyHead, (text) => {
        expect(plain(parseRequestHead(text, maxFields))).toEqual(referenceParse(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test("that was tampered with is refused or forwarded in a form that is read the same", () => {
    const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(token, target, fieldPairs, mutations, (method, uri, pairs, changes) => {
        const valid = section(serializeRequestHead(method, uri, Fields.of(...pairs)));
        const text = mutate(valid, changes);
        const head = parseRequestHead(text, maxFields);
        expect(plain(head)).toEqual(referenceParse(text));
        if (head instanceof HeadFault) return;
        // Neither may throw, whatever they are given.
        requestFraming(head);
        checkRequest(head);
        const again = section(serializeRequestHead(head.method, head.target, head.fields));
        const reread = plain(parseRequestHead(again, maxFields));
        expect(reread).toEqual({ ...plain(head)!, version: "HTTP/1.1" });
      }),
      { numRuns: 1_000 },
    );
  });

  test("that can still become one is never given up", () => {
    fc.assert(
      fc.property(token, target, fieldPairs, fc.nat(400), (method, uri, pairs, cut) => {
        const text = serializeRequestHead(method, uri, Fields.of(...pairs));
        expect(hopelessRequestStart(text.slice(0, Math.min(cut, text.length - 1)))).toBeNull();
      }),
    );
  });

  test("of any bytes does not throw", () => {
    const bytes = fc.uint8Array({ maxLength: 60 }).map((b) => Buffer.from(b).toString("latin1"));
    fc.assert(
      fc.property(bytes, (text) => {
        expect(plain(parseRequestHead(text, maxFields))).toEqual(referenceParse(text));
        parseResponseHead(text, maxFields);
        hopelessRequestStart(text);
      }),
    );
  });
});

describe("a response head", () => {
  test("that was serialised is parsed to the same", () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 999 }), reason, fieldPairs, (status, text, pairs) => {
        const head = parseResponseHead(
          section(serializeResponseHead(status, text, Fields.of(...pairs))),
          maxFields,
        );
        if (head instanceof HeadFault) throw new Error(head.reason);
        expect({ ...head, fields: pairsOf(head.fields) }).toEqual({
          version: "HTTP/1.1",
          status,
          reason: text,
          ambiguous: false,
          fields: pairs,
        });
      }),
    );
  });

  test("that was tampered with is refused or forwarded in a form that is read the same", () => {
    const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(reason, fieldPairs, mutations, (text, pairs, changes) => {
        const valid = section(serializeResponseHead(200, text, Fields.of(...pairs)));
        const head = parseResponseHead(mutate(valid, changes), maxFields);
        if (head instanceof HeadFault) return;
        const again = serializeResponseHead(head.status, head.reason, head.fields);
        const reread = parseResponseHead(section(again), maxFields);
        if (reread instanceof HeadFault) throw new Error(reread.reason);
        expect([reread.status, reread.reason]).toEqual([head.status, head.reason]);
        expect(pairsOf(reread.fields)).toEqual(pairsOf(head.fields));
      }),
      { numRuns: 1_000 },
    );
  });
});

test("fields of any text, from anywhere, never become more or other lines", () => {
  const anything = fc.string({ unit: "binary", maxLength: 20 });
  const pairs = fc.array(fc.tuple(fc.oneof(token, anything), anything), { maxLength: 6 });
  fc.assert(
    fc.property(pairs, (given) => {
      const text = serializeResponseHead(200, "OK", Fields.of(...given));
      expect(text.endsWith("\r\n\r\n")).toBe(true);
      const head = parseResponseHead(section(text), maxFields);
      if (head instanceof HeadFault) throw new Error(head.reason);
      const names = given.map(([field]) => field);
      expect(names).toEqual(expect.arrayContaining(head.fields.names));
      expect(head.fields.count).toBeLessThanOrEqual(given.length);
    }),
  );
});

test("fields are written line by line, whatever of the head they came in still stands as it came", () => {
  const blanks = fc.constantFrom(" ", "", "\t", "  ");
  const line = fc.tuple(name, blanks, value, fc.constantFrom("", " "));
  const change = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), name, value }),
    fc.record({ kind: fc.constant("delete" as const), name }),
    fc.record({ kind: fc.constant("replace" as const), index: fc.nat(12), value }),
    fc.record({ kind: fc.constant("append" as const), name, value }),
    fc.record({ kind: fc.constant("remove" as const), first: fc.constantFrom("a", "c", "s", "x") }),
    fc.record({ kind: fc.constant("copy" as const) }),
  );
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 12 }),
      fc.array(change, { maxLength: 6 }),
      fc.array(name, { maxLength: 4 }),
      (lines, changes, skippedNames) => {
        const text = lines.map(([key, before, of, after]) => `${key}:${before}${of}${after}\r\n`);
        const head = parseResponseHead(`HTTP/1.1 200 OK\r\n${text.join("")}`, maxFields);
        if (head instanceof HeadFault) throw new Error(head.reason);
        let { fields } = head;
        for (const each of changes) {
          if (each.kind === "set") fields.setChecked(each.name, each.value, lower(each.name));
          else if (each.kind === "delete") fields.delete(lower(each.name));
          else if (each.kind === "append")
            fields.appendChecked(each.name, each.value, lower(each.name));
          else if (each.kind === "copy") fields = fields.copy();
          else if (each.kind === "remove") fields.removeWhere((key) => key.startsWith(each.first));
          else if (each.index < fields.count) fields.replaceChecked(each.index, each.value);
        }
        const skipped = new Set(skippedNames.map(lower));
        const kept = pairsOf(fields).filter(([key]) => !skipped.has(lower(key)));
        const expected = kept.map(([key, of]) => `${key}: ${of}\r\n`).join("");
        expect(appendFields("begin ", fields, skipped)).toBe(`begin ${expected}`);
      },
    ),
  );
});

const lower = (text: string): string => text.toLowerCase();
