import { expect, test } from "bun:test";
import { OncePerKey } from "../../../src/lib/once-per-key.ts";

test("once-per-key runs the work once for all who ask meanwhile", async () => {
  const work = Promise.withResolvers<string>();
  const once = new OncePerKey<string, string>();
  let runs = 0;
  const ask = (): Promise<string> =>
    once.run("a", () => {
      runs++;
      return work.promise;
    });
  const answers = [ask(), ask(), ask()];
  work.resolve("done");
  expect(await Promise.all(answers)).toEqual(["done", "done", "done"]);
  expect(runs).toBe(1);
});

test("once-per-key keeps keys apart", async () => {
  const once = new OncePerKey<string, string>();
  const answers = ["a", "b"].map((key) => once.run(key, async () => key));
  expect(await Promise.all(answers)).toEqual(["a", "b"]);
});

test("once-per-key tells a failure to those who wait, and runs again for the next", async () => {
  const once = new OncePerKey<string, string>();
  const fail = async (): Promise<string> => {
    throw new Error("no");
  };
  const answers = await Promise.allSettled([once.run("a", fail), once.run("a", fail)]);
  expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await once.run("a", async () => "yes")).toBe("yes");
});
