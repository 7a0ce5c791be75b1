import { expect, test } from "bun:test";
import { questionText } from "../../../../src/data-plane/proxy/policies/auth-head.ts";
import { Fields } from "../../../../src/protocols/http/fields.ts";

test("a question is told from others by all that it says, but for its own number", () => {
  const text = (uri: string, id: string, cookie: string): string =>
    questionText({
      method: "GET",
      authority: "auth",
      target: "/verify",
      received: Fields.of(["Cookie", cookie], ["X-Dropped", id]),
      dropped: new Set(["x-dropped"]),
      added: ["X-Forwarded-Uri", uri, "X-Request-Id", id],
    });
  expect(text("/a", "1", "s=1")).toBe("auth /verify\ncookie:s=1\nX-Forwarded-Uri:/a\n");
  expect(text("/a", "2", "s=1")).toBe(text("/a", "1", "s=1"));
  expect(text("/admin", "1", "s=1")).not.toBe(text("/a", "1", "s=1"));
  expect(text("/a", "1", "s=2")).not.toBe(text("/a", "1", "s=1"));
});
