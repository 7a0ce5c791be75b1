import { expect, test } from "bun:test";
import { ConnectionTable } from "../../../src/access/connection-table.ts";

const bytesPerSlot = 36;

test("counts what all who share the memory have, and forgets one that begins anew", () => {
  const memory = new ArrayBuffer(8 * 64 * bytesPerSlot);
  const [one, two] = [new ConnectionTable(memory, 7, 0), new ConnectionTable(memory, 7, 15)];
  const places = [one, two, two].map((table) => table.enter("a", 3));
  expect(places).toEqual([expect.any(Number), places[0]!, places[0]!]);
  expect([one.enter("a", 3), two.enter("a", 3)]).toEqual(["full", "full"]);
  expect(one.enter("b", 3)).toBeNumber();
  two.leave(places[1] as number);
  expect([two.enter("a", 3), one.enter("a", 3)]).toEqual([places[0]!, "full"]);
  // Its place is taken by a successor.
  const next = new ConnectionTable(memory, 7, 15);
  expect([next.enter("a", 3), next.enter("a", 3), next.enter("a", 3)]).toEqual([
    places[0]!,
    places[0]!,
    "full",
  ]);
  // More than it has can't leave.
  for (let i = 0; i < 5; i++) one.leave(places[0] as number);
  expect(one.enter("a", 3)).toBe(places[0]!);
});

test("memory is bounded: of too many clients some are not counted, and places of those who left are used again", () => {
  const memory = new ArrayBuffer(8 * 8 * bytesPerSlot);
  const table = new ConnectionTable(memory, 1, 0);
  const places = Array.from({ length: 1_000 }, (_, i) => table.enter(`client ${i}`, 1));
  const counted = places.filter((place) => typeof place === "number");
  expect(counted.length).toBeGreaterThan(40);
  expect(counted.length).toBeLessThanOrEqual(64);
  expect(new Set(counted).size).toBe(counted.length);
  expect(places.filter((place) => place === "full").length).toBe(0);
  for (const place of counted) table.leave(place);
  expect(table.enter("somebody else", 1)).toBeNumber();
});
