import { describe, expect, test } from "bun:test";
import { Fields } from "../../../../src/protocols/http/fields.ts";
import {
  applyWriterAffinity,
  readsFromWriter,
  writerCookie,
} from "../../../../src/data-plane/services/writer-affinity.ts";

const nowMs = 1_700_000_000_123.7;

describe("readsFromWriter", () => {
  test.each([
    ["kamal-writer=1700000000124", true],
    ["kamal-writer=1700000000123", false],
    ["kamal-writer=+1700000000124", true],
    ["kamal-writer=-1700000000124", false],
    ['a=1; kamal-writer="1800000000000"', true],
    ["kamal-writer=9223372036854775807", true],
    ["kamal-writer=9223372036854775808", false],
    ["kamal-writer=1800000000000x", false],
    ["kamal-writer=0x1800000000000", false],
    ["kamal-writer=18e20", false],
    ["kamal-writer=", false],
    ["Kamal-Writer=1800000000000", false],
    ["other=1", false],
  ])("with %s is %p", (cookie, expected) => {
    expect(readsFromWriter(Fields.of(["Cookie", cookie]), nowMs)).toBe(expected);
  });

  test("is false without cookies", () => {
    expect(readsFromWriter(new Fields(), nowMs)).toBe(false);
  });
});

test("writerCookie expires one second after its value", () => {
  expect(writerCookie(nowMs, 2_000)).toBe(
    "kamal-writer=1700000002123; Path=/; Expires=Tue, 14 Nov 2023 22:13:23 GMT; HttpOnly",
  );
});

describe("applyWriterAffinity", () => {
  test("adds the cookie beside those of the app", () => {
    const response = Fields.of(["Set-Cookie", "a=1"], ["X-Other", "x"]);
    applyWriterAffinity(response, nowMs, 1_000);
    expect(response.all("set-cookie")).toEqual(["a=1", writerCookie(nowMs, 1_000)]);
    expect(response.get("x-other")).toBe("x");
  });

  test("leaves the cookie out when the app says so, and removes its word", () => {
    const response = Fields.of(["X-Writer-Affinity", "false"]);
    applyWriterAffinity(response, nowMs, 1_000);
    expect(response.count).toBe(0);
  });

  test("takes only `false` as a refusal", () => {
    const response = Fields.of(["X-Writer-Affinity", "no"]);
    applyWriterAffinity(response, nowMs, 1_000);
    expect(response.keys).toEqual(["set-cookie"]);
  });
});
