import { describe, expect, test } from "bun:test";
import { deployFlags } from "../../../src/cli/flags/deploy-flags.ts";
import {
  authoritySettings,
  certificateStoreSettings,
  runSettings,
} from "../../../src/config/run-settings.ts";
import { tracingSettings } from "../../../src/config/tracing-settings.ts";
import { fallbacksOf, optionFault, type Setting } from "../../../src/config/setting.ts";
import {
  healthCheckSettings,
  serviceSettings,
  targetSettings,
} from "../../../src/config/settings.ts";

const tables = { serviceSettings, healthCheckSettings, targetSettings };
const all = Object.values(tables).flatMap((table) => Object.values<Setting>(table));

function duplicates(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) !== index);
}

describe("tables of settings", () => {
  test("give each flag to one setting, and each of them to `deploy`", () => {
    const flags = all.flatMap(({ flag }) => flag ?? []);
    expect(duplicates(flags)).toEqual([]);
    expect(Object.keys(deployFlags({}))).toEqual(expect.arrayContaining(flags));
  });

  test.each(Object.entries(tables))("%s has no state key twice", (_name, table) => {
    expect(duplicates(Object.values<Setting>(table).map(({ stateKey }) => stateKey))).toEqual([]);
  });

  test("take no negative times and numbers, but for those of the original", () => {
    const own = all.filter(({ own, kind }) => {
      return own === true && (kind === "count" || kind === "bytes" || kind === "duration");
    });
    expect(own.length).toBeGreaterThan(8);
    for (const row of own) expect(optionFault(row, -1), row.flag!).toBeDefined();
    expect(optionFault(serviceSettings.pathTimeouts, ["/a=-5s"])).toBeDefined();
    expect(optionFault(serviceSettings.ejectForMs, 0)).toBeDefined();
  });

  test("have fallbacks that can be meant", () => {
    const rows = [
      ...all,
      ...Object.values({
        ...runSettings,
        ...authoritySettings,
        ...certificateStoreSettings,
        ...tracingSettings,
      }),
    ];
    expect(rows.filter((row) => optionFault(row, row.fallback as never) !== undefined)).toEqual([]);
  });

  test("hand out lists that nobody else has", () => {
    expect(fallbacksOf(serviceSettings).hosts).not.toBe(fallbacksOf(serviceSettings).hosts);
  });
});
