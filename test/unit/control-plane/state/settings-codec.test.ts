import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { fallbacksOf, type SettingTable, type ValuesOf } from "../../../../src/config/setting.ts";
import {
  decodeSettings,
  encodeSettings,
  stateEntries,
} from "../../../../src/control-plane/state/settings-codec.ts";

const table = {
  waitMs: { kind: "duration", flag: "wait", stateKey: "wait", fallback: 1_000, help: "" },
  paths: { kind: "list", flag: "path", stateKey: "paths", fallback: [], help: "" },
  ownWaitMs: {
    kind: "duration",
    flag: "own-wait",
    stateKey: "own_wait",
    own: true,
    fallback: 2_000,
    help: "",
  },
  ownNames: {
    kind: "list",
    flag: "own-name",
    stateKey: "own_names",
    own: true,
    fallback: ["one"],
    help: "",
  },
} as const satisfies SettingTable;

const fallbacks = fallbacksOf(table);

function read(json: unknown): ValuesOf<typeof table> {
  return decodeSettings(table, v.parse(v.object(stateEntries(table)), json));
}

describe("settings in the state file", () => {
  test("are in the units of Go, and own ones are left out where nobody uses them", () => {
    expect(encodeSettings(table, fallbacks)).toEqual({ wait: 1_000_000_000, paths: null });
  });

  test("that are missing or null are what Go makes of them, own ones what a deploy makes of them", () => {
    const expected = { waitMs: 0, paths: [], ownWaitMs: 2_000, ownNames: ["one"] };
    expect(read({})).toEqual(expected);
    expect(read({ wait: null, paths: null, own_wait: null, own_names: null })).toEqual(expected);
  });

  test.each<Partial<ValuesOf<typeof table>>>([
    { ownWaitMs: 0, ownNames: [] },
    { ownWaitMs: 5, ownNames: ["two", "three"] },
  ])("come back: %j", (changes) => {
    const values = { ...fallbacks, waitMs: 0.5, paths: ["/a"], ...changes };
    expect(read(JSON.parse(JSON.stringify(encodeSettings(table, values))))).toEqual(values);
  });

  test("of another type are refused", () => {
    expect(v.safeParse(v.object(stateEntries(table)), { own_names: "one" }).success).toBe(false);
  });
});
