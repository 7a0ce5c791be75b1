import { edenGC, fullGC, heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { ListMember, MemberList } from "../../../src/lib/member-list.ts";

class Person extends ListMember {
  constructor(readonly name: number) {
    super();
  }
}

const names = (list: MemberList<Person>): number[] => list.members().map(({ name }) => name);

test("MemberList is a set in the order of arrival, like Set", () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("add", "delete"), fc.nat(9)));
  fc.assert(
    fc.property(steps, (taken) => {
      const people = Array.from({ length: 10 }, (_, name) => new Person(name));
      const list = new MemberList<Person>();
      const model = new Set<number>();
      for (const [step, name] of taken) {
        const person = people[name]!;
        if (step === "delete") {
          expect(list.delete(person)).toBe(model.delete(name));
        } else {
          list.add(person);
          model.add(name);
        }
        expect(names(list)).toEqual([...model]);
        expect(list.first?.name).toBe(model.values().next().value);
        expect(list.size).toBe(model.size);
        expect(people.map((one) => list.has(one))).toEqual(
          people.map((one) => model.has(one.name)),
        );
      }
    }),
  );
});

test("MemberList visits nobody who has left before, and nobody who has come meanwhile", () => {
  const list = new MemberList<Person>();
  const [first, second, third] = [1, 2, 3].map((name) => new Person(name));
  for (const person of [first!, second!, third!]) list.add(person);
  const visited: number[] = [];
  list.forEach((person) => {
    visited.push(person.name);
    list.delete(person);
    list.delete(second!);
    list.add(new Person(person.name + 10));
  });
  expect(visited).toEqual([1, 3]);
  expect(names(list)).toEqual([11, 13]);
});

test("MemberList refuses a member of another one, and takes it when it has left", () => {
  const [here, there] = [new MemberList<Person>(), new MemberList<Person>()];
  const person = new Person(1);
  here.add(person);
  expect(() => there.add(person)).toThrow("another list");
  expect(there.delete(person)).toBe(false);
  here.delete(person);
  there.add(person);
  expect([here.size, there.size]).toEqual([0, 1]);
});

/** Is told apart from everything else in the statistics of the heap by its date. */
class PassingMember extends ListMember {
  readonly born = new Date(0);
}

test("MemberList keeps nobody alive who has left", () => {
  const list = new MemberList<PassingMember>();
  const present: PassingMember[] = [];
  fullGC();
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 500; i++) {
      const member = new PassingMember();
      list.add(member);
      present.push(member);
      if (present.length > 64) list.delete(present.shift()!);
    }
    edenGC();
  }
  // Of ten thousand a Set kept four thousand through these.
  expect(heapStats().objectTypeCounts["Date"]).toBeLessThan(2_500);
});
