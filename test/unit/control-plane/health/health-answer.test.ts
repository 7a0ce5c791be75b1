import { describe, expect, test } from "bun:test";
import { HealthAnswer } from "../../../../src/control-plane/health/health-answer.ts";

function answer(...parts: string[]): HealthAnswer {
  const read = new HealthAnswer();
  for (const part of parts) read.push(Buffer.from(part, "latin1"));
  return read;
}

describe("health answer", () => {
  test("the status is known wherever the head is cut", () => {
    const text = "HTTP/1.1 302 Found\r\nLocation:  /next \r\nContent-Length: 2\r\n\r\nok";
    for (let cut = 0; cut <= text.length; cut++) {
      const read = answer(text.slice(0, cut), text.slice(cut));
      expect([read.status, read.location, read.complete]).toEqual([302, "/next", true]);
    }
  });

  test("the end of the body is known by length, last chunk or status", () => {
    expect(answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab").complete).toBe(false);
    expect(answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").complete).toBe(true);
    const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect(answer(chunked, "1\r\na\r\n").complete).toBe(false);
    expect(answer(chunked, "1\r\na\r\n", "0\r\n\r\n").complete).toBe(true);
    expect(answer(chunked, "0\r\n\r\n").complete).toBe(true);
    expect(answer("HTTP/1.1 204 No Content\r\n\r\n").complete).toBe(true);
    expect(answer("HTTP/1.0 200 OK\r\n\r\nabc").complete).toBe(false);
  });

  test("informational responses are not the answer", () => {
    const read = answer("HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 500 No\r\n\r\n");
    expect(read.status).toBe(500);
  });

  test("what is not HTTP is given up at its first bytes", () => {
    expect(answer("SSH-2.0-x").malformed).toBe(true);
    expect(answer("HTTP/2 200 OK\r\n\r\n").malformed).toBe(true);
    expect(answer("HTTP/1.1 abc\r\n\r\n").malformed).toBe(true);
    expect(answer("HTTP/1.").malformed).toBe(false);
  });
});
