import { describe, expect, test } from "bun:test";
import { maxInformationalResponses, maxResponseHeadBytes } from "../../../../src/config/limits.ts";
import type { BodyFraming } from "../../../../src/protocols/http/body-framing.ts";
import type { Fields } from "../../../../src/protocols/http/fields.ts";
import type { ResponseHead } from "../../../../src/protocols/http/message-head.ts";
import {
  type ResponseHandler,
  ResponseParser,
} from "../../../../src/protocols/http1/response-parser.ts";

class Recorder implements ResponseHandler {
  events: string[] = [];
  body = "";
  trailers: Fields | null = null;
  excess: boolean | null = null;
  rest: string | null = null;
  onEvent: ((event: string) => void) | null = null;

  onInformational(head: ResponseHead): void {
    this.#event(`1xx ${head.status}`);
  }

  onSwitch(head: ResponseHead, rest: Uint8Array): void {
    this.rest = Buffer.from(rest).toString("latin1");
    this.#event(`switch ${head.status}`);
  }

  onHead(head: ResponseHead, framing: BodyFraming): void {
    this.#event(`head ${head.status} ${head.reason} ${framing.kind}`);
  }

  onBody(chunk: Uint8Array): boolean {
    this.body += Buffer.from(chunk).toString("latin1");
    this.onEvent?.("body");
    return true;
  }

  onEnd(trailers: Fields | null, excess: boolean): void {
    this.trailers = trailers;
    this.excess = excess;
    this.#event("end");
  }

  #event(event: string): void {
    this.events.push(event);
    this.onEvent?.(event);
  }
}

/** Feeds each piece; stops at the first reason. */
function parse(pieces: string[], method = "GET") {
  const recorder = new Recorder();
  const parser = new ResponseParser();
  parser.start(method, recorder);
  let reason: string | null = null;
  for (const piece of pieces) {
    if (reason !== null) break;
    const bytes = Buffer.from(piece, "latin1");
    const end = parser.feed(bytes);
    if (typeof end === "string") reason = end;
    else expect(end).toBe(bytes.length);
  }
  return { recorder, parser, reason };
}

/** Everything that must not depend on how the bytes were split. */
function outcome(pieces: string[], method: string) {
  const { recorder, reason, parser } = parse(pieces, method);
  const isFinished = reason === null && parser.finish();
  const { events, body, trailers, rest } = recorder;
  return { events, body, trailers: trailers?.values ?? null, rest, reason, isFinished };
}

const ok = "HTTP/1.1 200 OK\r\n";

describe("ResponseParser", () => {
  const messages: [name: string, message: string, method: string][] = [
    ["a length", `${ok}Content-Length: 5\r\nX: 1\r\n\r\nhello`, "GET"],
    [
      "chunks",
      `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\n\r\n`,
      "GET",
    ],
    [
      "trailers",
      `${ok}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: 1\r\nB: 2\r\n\r\n`,
      "GET",
    ],
    ["the end of the connection", `${ok}\r\nuntil the end`, "GET"],
    ["HEAD", `${ok}Content-Length: 5\r\n\r\n`, "HEAD"],
    ["no content", "HTTP/1.1 204 No Content\r\n\r\n", "GET"],
    [
      "early hints",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}Content-Length: 2\r\n\r\nok`,
      "GET",
    ],
    ["a malformed field", `${ok}Content-Length: 5\r\nbroken line\r\n\r\nhello`, "GET"],
    ["two lengths", `${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, "GET"],
    ["a malformed chunk", `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n`, "GET"],
  ];

  for (const [name, message, method] of messages) {
    test(`reads a response with ${name} alike at every split`, () => {
      const whole = outcome([message], method);
      for (let at = 1; at < message.length; at++) {
        const split = outcome([message.slice(0, at), message.slice(at)], method);
        // What came before the broken place may have been handed on.
        if (whole.reason !== null) expect(split.reason).toBe(whole.reason);
        else expect(split).toEqual(whole);
      }
      const single = outcome([...message], method);
      if (whole.reason === null) expect(single).toEqual(whole);
      else expect(single.reason).toBe(whole.reason);
    });
  }

  test("reports head, body and end of a response in order", () => {
    const { recorder, reason } = parse([`${ok}Content-Length: 5\r\n\r\nhello`]);
    expect(reason).toBeNull();
    expect(recorder.events).toEqual(["head 200 OK length", "end"]);
    expect(recorder.body).toBe("hello");
    expect(recorder.excess).toBe(false);
  });

  test("notices bytes behind the response", () => {
    for (const response of [
      `${ok}Content-Length: 2\r\n\r\nok`,
      `${ok}Content-Length: 0\r\n\r\n`,
      `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      "HTTP/1.1 304 Not Modified\r\n\r\n",
    ]) {
      const { recorder } = parse([`${response}more`]);
      expect(recorder.excess).toBe(true);
      expect(recorder.events.length).toBe(2);
    }
  });

  test("gives the bytes behind a 101 away unread", () => {
    const { recorder, parser } = parse([
      "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nraw\r\n\r\nbytes",
    ]);
    expect(recorder.events).toEqual(["switch 101"]);
    expect(recorder.rest).toBe("raw\r\n\r\nbytes");
    expect(parser.finish()).toBe(false);
  });

  test("ends a body without length only by an orderly end", () => {
    const { recorder, parser } = parse([`${ok}\r\nbody`]);
    expect(recorder.events).toEqual(["head 200 OK until-close"]);
    expect(parser.finish()).toBe(true);
    expect(recorder.events.at(-1)).toBe("end");
    const short = parse([`${ok}Content-Length: 9\r\n\r\nbody`]);
    expect(short.parser.finish()).toBe(false);
  });

  test("refuses what no response can begin with, without waiting for more", () => {
    for (const start of [
      "SSH-2.0-OpenSSH\r\n",
      "H2",
      "\r\n",
      "HTTP/2.0 200 OK\r\n",
      "HTTP/1.1 2x0 OK\r\n",
      "HTTP/1.1 200 OK\n",
      "HTTP/1.1 200 O\0K",
      "\x16\x03\x01",
    ]) {
      expect(parse([start]).reason).not.toBeNull();
      expect(parse([...start]).reason).not.toBeNull();
    }
  });

  test.each([
    ["malformed status line in line 1", "HTTP/1.1 20 OK\r\n\r\n"],
    ["bare LF in line 1", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
    ["bare LF in line 3", `${ok}A: b\r\nC: d\nE: f\r\n\r\n`],
    ["bare LF in line 2", `${ok}\n`],
    ["bare CR in line 2", `${ok}A: b\rC: d\r\n\r\n`],
    ["malformed status line in line 1", `\r\n${ok}\r\n`],
    ["invalid field name in line 3", `${ok}A: b\r\nC D: e\r\n\r\n`],
    ["invalid field name in line 3", `${ok}A: b\r\n c: d\r\n\r\n`],
    ["field line without colon in line 4", `${ok}A: b\r\nC: d\r\nE\r\n\r\n`],
    ["control character in line 3", `${ok}A: b\r\nC: \0\r\n\r\n`],
    ["invalid Content-Length in line 3", `${ok}A: b\r\nContent-Length: x\r\n\r\n`],
    ["invalid Content-Length in line 2", `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`],
    ["unsupported Transfer-Encoding in line 2", `${ok}Transfer-Encoding: gzip\r\n\r\n`],
    ["malformed chunk size", `${ok}Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n`],
  ])("says what is wrong, and in which line: %s", (reason, response) => {
    expect(parse([response]).reason).toBe(reason);
    // The reader finds some of it before the parser, and nothing of it waits for the end of the head.
    expect(parse([...response]).reason).toBe(reason);
  });

  test("bounds the head however it arrives", () => {
    const piece = `X: ${"y".repeat(100_000)}\r\n`;
    const pieces = [ok, ...Array.from({ length: 11 }, () => piece)];
    expect(parse(pieces).reason).toBe("head too large");
    expect(parse([pieces.join("")]).reason).toBe("head too large");
    expect(parse([`${pieces.join("")}\r\n`]).reason).toBe("head too large");
    const padding = "y".repeat(maxResponseHeadBytes - ok.length - 3);
    const largest = `${ok}X: ${padding}\r\n\r\n`;
    expect(largest.length).toBe(maxResponseHeadBytes + 4);
    expect(parse([largest]).reason).toBeNull();
    expect(parse([largest.slice(0, 500_000), largest.slice(500_000)]).reason).toBeNull();
    expect(parse([ok, `${largest.slice(ok.length, -4)}y\r\n\r\n`]).reason).toBe("head too large");
  });

  test("bounds the number of informational responses", () => {
    const interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
    const final = `${ok}Content-Length: 0\r\n\r\n`;
    expect(parse([interim.repeat(maxInformationalResponses) + final]).reason).toBeNull();
    expect(parse([interim.repeat(maxInformationalResponses + 1) + final]).reason).toBe(
      "too many informational responses",
    );
  });

  test("refuses an informational response with a body", () => {
    expect(parse(["HTTP/1.1 103 Hints\r\nContent-Length: 3\r\n\r\n"]).reason).not.toBeNull();
    expect(parse(["HTTP/1.1 100 Go\r\nTransfer-Encoding: chunked\r\n\r\n"]).reason).not.toBeNull();
    expect(parse(["HTTP/1.1 100 Go\r\nContent-Length: 0\r\n\r\n"]).reason).toBeNull();
  });

  test("hands nothing on after it was stopped in the middle of a read", () => {
    for (const stopAt of ["head 200 OK chunked", "body"]) {
      const recorder = new Recorder();
      const parser = new ResponseParser();
      parser.start("GET", recorder);
      recorder.onEvent = (event) => {
        if (event === stopAt) parser.stop();
      };
      const [first, second] = ["a".repeat(5_000), "b".repeat(5_000)];
      const chunks = `1388\r\n${first}\r\n1388\r\n${second}\r\n0\r\n\r\n`;
      const bytes = `${ok}Transfer-Encoding: chunked\r\n\r\n${chunks}`;
      expect(parser.feed(Buffer.from(bytes))).toBe(bytes.length);
      expect(recorder.events).toEqual(["head 200 OK chunked"]);
      expect(recorder.body).toBe(stopAt === "body" ? first! : "");
    }
  });

  test("can be started again while it reports the end", () => {
    const parser = new ResponseParser();
    const [first, second] = [new Recorder(), new Recorder()];
    first.onEvent = (event) => {
      if (event === "end") parser.start("GET", second);
    };
    parser.start("GET", first);
    parser.feed(Buffer.from(`${ok}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`));
    expect(parser.started).toBe(false);
    parser.feed(Buffer.from(`${ok}Content-Length: 1\r\n\r\nb`));
    expect([first.body, second.body]).toEqual(["a", "b"]);
    expect(second.events.at(-1)).toBe("end");
  });
});
