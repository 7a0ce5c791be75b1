import { describe, expect, test } from "bun:test";
import { messageOf } from "../../../src/lib/error-text.ts";
import { sharedCall } from "../../../src/lib/shared-call.ts";
import { waitFor } from "../../support/wait-for.ts";

describe("a shared call", () => {
  test("is made once for all who ask at once, and tells nobody of what was before", async () => {
    const calls: PromiseWithResolvers<string>[] = [];
    const ask = sharedCall(() => {
      const one = Promise.withResolvers<string>();
      calls.push(one);
      return one.promise;
    });
    const first = [ask(), ask()];
    await waitFor(() => calls.length === 1, "the first call");
    const second = [ask(), ask()];
    calls[0]!.resolve("one");
    expect(await Promise.all(first)).toEqual(["one", "one"]);
    await waitFor(() => calls.length === 2, "the second call");
    calls[1]!.resolve("two");
    expect(await Promise.all(second)).toEqual(["two", "two"]);
    expect(calls.length).toBe(2);
  });

  test("goes on when one has failed, or a pause was given up", async () => {
    const outcomes = ["pause", "call", "good"];
    const ask = sharedCall(
      async () => {
        if (outcomes.shift() === "call") throw new Error("failed");
        return "good";
      },
      async () => {
        if (outcomes[0] !== "pause") return;
        outcomes.shift();
        throw new Error("given up");
      },
    );
    const failures = [await ask().catch(messageOf), await ask().catch(messageOf)];
    expect(failures).toEqual(["given up", "failed"]);
    expect(await ask()).toBe("good");
  });
});
