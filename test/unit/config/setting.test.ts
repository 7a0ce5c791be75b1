import { describe, expect, test } from "bun:test";
import {
  fallbacksOf,
  normalizeValues,
  type SettingTable,
  valuesFault,
} from "../../../src/config/setting.ts";

const table = {
  mode: {
    kind: "choice",
    words: ["red", "green"],
    flag: "mode",
    stateKey: "mode",
    fallback: "red",
    help: "",
  },
  share: { kind: "percentage", flag: "share", stateKey: "share", fallback: 50, help: "" },
  waitMs: { kind: "duration", flag: "wait", stateKey: "wait", fallback: 1_000, help: "" },
  size: { kind: "bytes", flag: "size", stateKey: "size", fallback: 0, help: "" },
  names: {
    kind: "list",
    flag: "name",
    stateKey: "names",
    fallback: [],
    normalize: (names) => names.toSorted(),
    fault: (name) => (name.includes(" ") ? "must have no blanks" : undefined),
    help: "",
  },
} as const satisfies SettingTable;

const values = fallbacksOf(table);

describe("a value of a setting", () => {
  test.each([
    [{ mode: "blue" }, 'invalid value "blue" for --mode: must be red or green'],
    [{ share: 101 }, 'invalid value "101" for --share: must be between 0 and 100'],
    [{ share: NaN }, 'invalid value "NaN" for --share: must be between 0 and 100'],
    [{ names: ["a", "b c"] }, 'invalid value "b c" for --name: must have no blanks'],
  ])("%j is refused by name", (changes, text) => {
    expect(valuesFault(table, { ...values, ...(changes as object) })).toBe(text);
  });

  test("that can be meant is taken", () => {
    const meant = { ...values, mode: "green", share: 100, names: ["a", "b"] } as const;
    expect(valuesFault(table, { ...meant, names: [...meant.names] })).toBeUndefined();
  });

  test("has a normal form", () => {
    const given = { ...values, waitMs: -1, size: -5, names: ["b", "a"] };
    expect(normalizeValues(table, given)).toMatchObject({ waitMs: 0, size: 0, names: ["a", "b"] });
  });
});
