import { expect, test } from "bun:test";
import fc from "fast-check";
import { StreamTable } from "../../../../src/data-plane/http2/stream-table.ts";

test("StreamTable finds the streams that are there, like Map, whatever their numbers", () => {
  // Far apart, next to each other, and such as want the same place.
  const id = fc.oneof(
    fc.nat(40),
    fc.nat(2 ** 31 - 1),
    fc.nat(20).map((count) => 1 + 512 * count),
  );
  const steps = fc.array(fc.tuple(fc.constantFrom("add", "add", "delete"), id), { maxLength: 300 });
  fc.assert(
    fc.property(steps, (taken) => {
      const table = new StreamTable<{ id: number }>();
      const model = new Map<number, { id: number }>();
      for (const [step, number] of taken) {
        if (step === "add") {
          const stream = { id: number };
          table.add(stream);
          model.set(number, stream);
        } else {
          table.delete(number);
          model.delete(number);
        }
        expect(table.size).toBe(model.size);
        expect(table.get(number)).toBe(model.get(number)!);
      }
      for (const [number, stream] of model) expect(table.get(number)).toBe(stream);
      const order = (streams: { id: number }[]) => streams.toSorted((a, b) => a.id - b.id);
      expect(order(table.all())).toEqual(order([...model.values()]));
    }),
  );
});
