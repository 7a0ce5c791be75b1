import { describe, expect, test } from "bun:test";
import {
  decodeMessage,
  encodeCuriousMessage,
  encodeMessage,
  encodeProgress,
  MessageReader,
} from "../../../../src/control-plane/socket/framing.ts";

describe("control framing", () => {
  test("a message survives being cut at every byte", () => {
    const payload = { command: "stop", message: "a\nb — ünicode" };
    const bytes = encodeMessage(payload);
    for (let cut = 0; cut < bytes.length - 1; cut++) {
      const reader = new MessageReader(1_000);
      expect(reader.push(bytes.subarray(0, cut))).toEqual({ kind: "more" });
      const received = reader.push(bytes.subarray(cut));
      if (received.kind !== "line") throw new Error(`cut at ${cut}: ${received.kind}`);
      expect(decodeMessage(received.line)).toEqual({ kind: "payload", payload });
    }
  });

  test("the reader keeps copies, because sockets reuse their buffer", () => {
    const reader = new MessageReader(1_000);
    const shared = Buffer.from("first ");
    reader.push(shared);
    shared.fill(0);
    const received = reader.push(Buffer.from("second\n"));
    expect(received).toMatchObject({ kind: "line", line: "first second" });
  });

  test("what comes behind a message is handed back, and the limit counts anew", () => {
    const reader = new MessageReader(4);
    reader.push(Buffer.from("12"));
    const first = reader.push(Buffer.from("34\n567"));
    if (first.kind !== "line") throw new Error(first.kind);
    expect(first.line).toBe("1234");
    expect(Buffer.from(first.rest).toString()).toBe("567");
    expect(reader.push(first.rest)).toEqual({ kind: "more" });
    expect(reader.push(Buffer.from("8\n"))).toMatchObject({ kind: "line", line: "5678" });
  });

  test("progress is told apart from a command, a reply and nonsense", () => {
    const decode = (bytes: Buffer) => decodeMessage(bytes.toString().trimEnd());
    const payload = { command: "list" };
    expect(decode(encodeMessage(payload))).toEqual({ kind: "payload", payload });
    expect(decode(encodeCuriousMessage(payload))).toEqual({
      kind: "payload",
      payload,
      wantsProgress: true,
    });
    const progress = { waiting_for: "drain", requests: 2, remaining_ms: 1 };
    expect(decode(encodeProgress(progress))).toEqual({ kind: "progress", progress });
  });

  test("a message of the limit passes and one byte more does not", () => {
    expect(new MessageReader(4).push(Buffer.from("1234\n")).kind).toBe("line");
    expect(new MessageReader(4).push(Buffer.from("12345\n")).kind).toBe("too-large");
    expect(new MessageReader(4).push(Buffer.from("12345")).kind).toBe("too-large");
  });

  test("another protocol version is told apart from nonsense", () => {
    expect(decodeMessage('{"protocol":2,"payload":{}}')).toEqual({
      kind: "other-version",
      version: 2,
    });
    for (const line of ["", "GET / HTTP/1.1", "null", "[]", "{}", '{"protocol":1}', '"protocol"']) {
      expect(decodeMessage(line)).toEqual({ kind: "malformed" });
    }
  });
});
