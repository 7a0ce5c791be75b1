import { describe, expect, test } from "bun:test";
import { OrdersUnderWay } from "../../../../../src/control-plane/certificates/automatic/orders-under-way.ts";

async function isOver(wait: Promise<void>): Promise<boolean> {
  return Promise.race([wait.then(() => true), Promise.resolve().then(() => false)]);
}

describe("orders under way", () => {
  test("are waited for until the last one has ended", async () => {
    const orders = new OrdersUnderWay();
    const first = orders.begin();
    const wait = orders.ended(new AbortController().signal);
    const second = orders.begin();
    first[Symbol.dispose]();
    expect(await isOver(wait)).toBe(false);
    second[Symbol.dispose]();
    await wait;
    await orders.ended(new AbortController().signal);
  });

  test("are not waited for any more when the time is over", async () => {
    const orders = new OrdersUnderWay();
    using _ = orders.begin();
    const timeUp = new AbortController();
    const wait = orders.ended(timeUp.signal);
    expect(await isOver(wait)).toBe(false);
    timeUp.abort();
    await wait;
    await orders.ended(timeUp.signal);
  });
});
