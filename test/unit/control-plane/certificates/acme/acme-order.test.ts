import { expect, test } from "bun:test";
import { AcmeCalls } from "../../../../../src/control-plane/certificates/acme/acme-calls.ts";
import {
  type AcmeModule,
  AcmeOrder,
  type AcmeOrderContext,
} from "../../../../../src/control-plane/certificates/acme/acme-order.ts";
import type { IssueRequest } from "../../../../../src/control-plane/certificates/acme/issuer.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";

test("an order that asks for a crowd of authorizations is given up before any is asked for", async () => {
  const clock = new ManualClock();
  const signal = new AbortController().signal;
  const calls = new AcmeCalls({ clock, deadlineMs: 1_000_000, signal, postponed() {} });
  let asked = 0;
  const client = {
    createOrder: async () => ({
      authorizations: Array.from({ length: 11 }, () => "https://ca.test/a"),
    }),
    getAuthorizations: async () => [asked++],
  };
  const request = { name: "app.test", profile: "", replaces: null } as IssueRequest;
  const order = new AcmeOrder(
    {} as AcmeModule,
    client as never,
    calls,
    request,
    {} as AcmeOrderContext,
  );
  await expect(order.complete("http-01")).rejects.toThrow(
    "the order asks for 11 authorizations of one name",
  );
  expect(asked).toBe(0);
});
