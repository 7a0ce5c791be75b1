import { describe, expect, test } from "bun:test";
import { parseReply } from "../../support/reply-schema.ts";

describe("reply schema", () => {
  test("both outcomes are taken and mixtures are not", () => {
    expect(parseReply({ ok: true })).toEqual({ ok: true });
    expect(parseReply({ ok: false, error: "no" })).toEqual({ ok: false, error: "no" });
    expect(() => parseReply({ ok: false })).toThrow(/malformed reply \(error\)/);
    expect(() => parseReply({ ok: true, services: { web: {} } })).toThrow(/services\.web/);
  });
});
