import { describe, expect, test } from "bun:test";
import { Conversation, SeamClosedError } from "../../../src/seam/conversation.ts";
import { joinedEnds } from "../../../src/seam/seam-end.ts";

interface Sums {
  sum: { argument: number[]; value: number };
  wait: { argument: null; value: null };
}
interface Nothing {}

function setup() {
  const [here, there] = joinedEnds();
  const order: number[] = [];
  const signals: AbortSignal[] = [];
  const answering = new Conversation<Nothing, Sums>(there, {
    sum(numbers) {
      order.push(numbers[0]!);
      if (numbers.length === 0) throw new Error("nothing to add");
      return numbers.reduce((a, b) => a + b, 0);
    },
    wait(_nothing, signal) {
      signals.push(signal);
      return new Promise<null>(() => {});
    },
  });
  return { asking: new Conversation<Sums, Nothing>(here, {}), answering, order, signals };
}

describe("Conversation", () => {
  test("brings each answer to its call, begun in order", async () => {
    const { asking, order } = setup();
    const sums = [asking.call("sum", [1, 2]), asking.call("sum", [3]), asking.call("sum", [4, 4])];
    expect(order).toEqual([]);
    expect(await Promise.all(sums)).toEqual([3, 3, 8]);
    expect(order).toEqual([1, 3, 4]);
  });

  test("shares nothing between the ends", async () => {
    const { asking } = setup();
    const numbers = [1, 2];
    const sum = asking.call("sum", numbers);
    numbers.push(100);
    expect(await sum).toBe(3);
  });

  test("brings back what was thrown", async () => {
    const { asking } = setup();
    await expect(asking.call("sum", [])).rejects.toThrow("nothing to add");
  });

  test("tells who answers that nobody waits any more", async () => {
    const { asking, signals } = setup();
    const controller = new AbortController();
    const waiting = asking.call("wait", null, controller.signal);
    await asking.call("sum", [1]);
    controller.abort(new Error("too late"));
    await expect(waiting).rejects.toThrow("too late");
    await asking.call("sum", [1]);
    expect(signals[0]!.aborted).toBe(true);
  });

  test("ends what waits when the other end goes", async () => {
    const { asking, answering } = setup();
    let closed = 0;
    asking.onClose = () => void closed++;
    const waiting = asking.call("wait", null);
    answering.close();
    await expect(waiting).rejects.toBeInstanceOf(SeamClosedError);
    await expect(asking.call("sum", [1])).rejects.toBeInstanceOf(SeamClosedError);
    expect(closed).toBe(1);
  });

  test("ends what is being answered when the caller goes", async () => {
    const { asking, signals } = setup();
    const waiting = asking.call("wait", null);
    await asking.call("sum", [1]);
    expect(signals[0]!.aborted).toBe(false);
    asking.close();
    await expect(waiting).rejects.toBeInstanceOf(SeamClosedError);
    expect(signals[0]!.aborted).toBe(true);
  });
});
