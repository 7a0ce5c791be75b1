import { describe, expect, test } from "bun:test";
import { AcmeError } from "../../../../../src/control-plane/certificates/acme/acme-error.ts";
import { AcmeCalls } from "../../../../../src/control-plane/certificates/acme/acme-calls.ts";
import {
  type AcmeModule,
  AcmeOrder,
  type AcmeOrderContext,
} from "../../../../../src/control-plane/certificates/acme/acme-order.ts";
import type { IssueRequest } from "../../../../../src/control-plane/certificates/acme/issuer.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";

/** An order that was created is refused: it asks for too much. */
async function ordered(
  createOrder: (order: object) => Promise<void>,
  replaces: string | null,
  clock = new ManualClock(),
): Promise<number> {
  const signal = new AbortController().signal;
  const calls = new AcmeCalls({ clock, deadlineMs: clock.now() + 300_000, signal, postponed() {} });
  let asked = 0;
  const client = {
    createOrder: async (order: object) => {
      await createOrder(order);
      return { authorizations: Array.from({ length: 11 }, () => "https://ca.test/a") };
    },
    getAuthorizations: async () => [asked++],
  };
  const order = new AcmeOrder(
    {} as AcmeModule,
    client as never,
    calls,
    { name: "app.test", profile: "", replaces } as IssueRequest,
    {} as AcmeOrderContext,
  );
  const refusal: unknown = await order.complete("http-01").catch((error: unknown) => error);
  expect(String(refusal)).toContain("the order asks for 11 authorizations of one name");
  return asked;
}

test("an order that asks for a crowd of authorizations is given up before any is asked for", async () => {
  expect(await ordered(async () => {}, null)).toBe(0);
});

describe("an order that names the certificate before", () => {
  test.each([
    ["refused", "alreadyReplaced"],
    ["refused", "malformed"],
    ["busy", "serverInternal"],
    ["busy", ""],
  ] as const)("is made at once without it when the answer is %s %s", async (kind, problem) => {
    const named: boolean[] = [];
    await ordered(async (order) => {
      named.push("replaces" in order);
      if ("replaces" in order) throw new AcmeError(kind, "no", { problem });
    }, "id");
    expect(named).toEqual([true, false]);
  });

  test("is made again with it when the authority wants fewer requests", async () => {
    const clock = new ManualClock();
    const named: boolean[] = [];
    const outcome = ordered(
      async (order) => {
        named.push("replaces" in order);
        if (named.length > 1) return;
        throw new AcmeError("busy", "later", { problem: "rateLimited", retryAfterMs: 5_000 });
      },
      "id",
      clock,
    );
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    clock.advance(5_000);
    await outcome;
    expect(named).toEqual([true, true]);
  });
});
