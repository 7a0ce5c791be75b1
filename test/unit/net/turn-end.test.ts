import { expect, test } from "bun:test";
import { TurnEnd } from "../../../src/net/turn-end.ts";

const endOfTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test("all are sent at the end of the turn, in order, and once", async () => {
  const sent: string[] = [];
  const turnEnd = new TurnEnd<string>((name) => sent.push(name));
  for (const name of ["a", "b"]) turnEnd.add(name);
  expect(sent).toEqual([]);
  await endOfTurn();
  turnEnd.add("c");
  await endOfTurn();
  expect(sent).toEqual(["a", "b", "c"]);
});

test("who comes while they are sent is sent with them", () => {
  const sent: string[] = [];
  const turnEnd = new TurnEnd<string>((name) => {
    sent.push(name);
    if (name === "a") turnEnd.add("b");
  });
  turnEnd.add("a");
  turnEnd.sendAll();
  expect(sent).toEqual(["a", "b"]);
});

test("with so many of them none waits any longer", () => {
  const sent: string[] = [];
  const turnEnd = new TurnEnd<string>((name) => sent.push(name), 2);
  for (const name of ["a", "b", "c"]) turnEnd.add(name);
  expect(sent).toEqual(["a", "b"]);
});
