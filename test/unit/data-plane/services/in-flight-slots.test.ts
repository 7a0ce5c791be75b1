import { expect, test } from "bun:test";
import { maxQueuedRequests } from "../../../../src/config/access-limits.ts";
import { InFlightSlots } from "../../../../src/data-plane/services/in-flight-slots.ts";
import type { ListMember } from "../../../../src/lib/member-list.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { outsideLists } from "../../../support/list-member.ts";

function setUp(max: number, queueTimeoutMs: number) {
  const clock = new ManualClock();
  const slots = new InFlightSlots(clock);
  slots.configure(max, queueTimeoutMs);
  const outcomes: string[] = [];
  const holders = new Map<string, ListMember>();
  const holder = (name: string): ListMember => {
    if (!holders.has(name)) holders.set(name, outsideLists());
    return holders.get(name)!;
  };
  return {
    clock,
    slots,
    outcomes,
    enter: (name: string) =>
      slots.enter(holder(name), (outcome) => outcomes.push(`${name} ${outcome}`)),
    leave: (name: string) => slots.leave(holder(name)),
  };
}

test("slots are handed on in the order of arrival, and those who wait for too long give up", () => {
  const { clock, outcomes, enter, leave } = setUp(2, 1_000);
  expect(["a", "b", "c", "d", "e"].map(enter)).toEqual([
    "entered",
    "entered",
    "waiting",
    "waiting",
    "waiting",
  ]);
  leave("d");
  leave("a");
  expect(outcomes).toEqual(["c entered"]);
  leave("a");
  expect(outcomes).toEqual(["c entered"]);
  clock.advance(1_000);
  expect(outcomes).toEqual(["c entered", "e expired"]);
  leave("b");
  expect([enter("f"), enter("g"), clock.pendingTimers]).toEqual(["entered", "waiting", 1]);
});

test("slots without a queue turn the next one away", () => {
  const { enter, leave, clock } = setUp(1, 0);
  expect([enter("a"), enter("b")]).toEqual(["entered", "full"]);
  leave("b");
  expect(enter("c")).toBe("full");
  leave("a");
  expect([enter("d"), clock.pendingTimers]).toEqual(["entered", 0]);
});

test("slots let so many wait and no more, and let them in when there are more slots", () => {
  const { enter, slots, outcomes } = setUp(1, 1_000);
  enter("first");
  for (let i = 0; i < maxQueuedRequests; i++) expect(enter(`${i}`)).toBe("waiting");
  expect(enter("last")).toBe("full");
  slots.configure(3, 1_000);
  expect(outcomes).toEqual(["0 entered", "1 entered"]);
});
