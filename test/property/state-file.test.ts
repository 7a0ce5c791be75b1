import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Kind, KindValue, KindValues } from "../../src/config/kinds.ts";
import {
  mapTable,
  optionFault,
  type Setting,
  type SettingTable,
  type ValuesOf,
} from "../../src/config/setting.ts";
import {
  type AllOptions,
  deployLayers,
  type SettingLayers,
  type SettingSource,
} from "../../src/config/setting-layers.ts";
import { healthCheckSettings, serviceSettings, targetSettings } from "../../src/config/settings.ts";
import {
  normalizeServiceOptions,
  normalizeTargetOptions,
} from "../../src/config/validate-options.ts";
import { MessageReader } from "../../src/control-plane/socket/framing.ts";
import { type PlannedRollout, rolloutSplit } from "../../src/control-plane/deployed-service.ts";
import type { SavedService, StateEntry } from "../../src/control-plane/state/state-entry.ts";
import { decodeState, encodeState } from "../../src/control-plane/state/state-file.ts";

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const texts = fc.array(text, { maxLength: 3 });
/** Whole microseconds up to a month, which are exact in both units. */
const ms = fc.integer({ min: 0, max: 2_592_000_000 }).map((value) => value / 1_000);
const bytes = fc.nat();
const address = fc
  .tuple(fc.stringMatching(/^[a-z][a-z0-9.-]{1,10}$/), fc.integer({ min: 1, max: 65_535 }))
  .map(([host, port]) => `${host}:${port}`);
const addresses = fc.array(address, { maxLength: 3 });
const oneOrMore = fc.array(address, { minLength: 1, maxLength: 3 });

const kinds: { [K in Kind]: fc.Arbitrary<KindValues[K]> } = {
  switch: fc.boolean(),
  count: fc.oneof(fc.nat(10), fc.nat()),
  bytes,
  percentage: fc.integer({ min: 0, max: 100 }),
  duration: ms,
  text,
  choice: text,
  list: texts,
  lines: texts,
};

/** Values of every setting of a table; those that can't be meant are left out. */
function valuesIn<T extends SettingTable>(table: T): fc.Arbitrary<ValuesOf<T>> {
  const values = mapTable(table, (row: Setting) => {
    if (row.example !== undefined) return fc.constantFrom(row.fallback, row.example);
    const any: fc.Arbitrary<KindValue> =
      row.kind === "choice" ? fc.constantFrom(...row.words!) : kinds[row.kind];
    return any.filter((value) => optionFault(row, value) === undefined);
  });
  return fc.record(values as never) as fc.Arbitrary<unknown> as fc.Arbitrary<ValuesOf<T>>;
}

const options = valuesIn(serviceSettings).map((value) =>
  normalizeServiceOptions(normalizeServiceOptions(value)),
);

const targetOptions = fc
  .tuple(
    valuesIn(targetSettings),
    valuesIn(healthCheckSettings).filter((check) => check.intervalMs > 0 && check.timeoutMs > 0),
  )
  .map(([values, healthCheck]) => normalizeTargetOptions({ healthCheck, ...values }));

const rollout = fc.option(fc.tuple(oneOrMore, addresses), { nil: null });

const rolloutPlan = fc
  .record({
    steps: fc
      .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 5 })
      .map((shares) => [...shares.toSorted((a, b) => a - b), 100]),
    everyMs: fc.integer({ min: 1_000, max: 86_400_000 }),
    maxErrorRate: fc.double({ min: 0, max: 99, noNaN: true }).map(Math.abs),
    maxP95: fc.double({ min: 1, max: 100, noNaN: true }),
    minRequests: fc.integer({ min: 1, max: 1_000_000 }),
    promote: fc.boolean(),
    drainTimeoutMs: fc.integer({ min: 0, max: 1_000_000 }),
  })
  .chain((plan) =>
    fc
      .integer({ min: 0, max: plan.steps.length - 1 })
      .map((step): PlannedRollout => ({ ...plan, step })),
  );

const service: fc.Arbitrary<SavedService> = fc
  .tuple(
    fc.record({
      name: text.filter((name) => name !== ""),
      options,
      targetOptions,
      activeTargets: addresses,
      activeReaders: addresses,
      pause: fc.record({
        state: fc.constantFrom("running" as const, "paused" as const, "stopped" as const),
        stopMessage: text,
        failAfterMs: ms,
      }),
      rolloutSplit: fc.option(
        fc
          .tuple(fc.integer({ min: 0, max: 100 }), texts)
          .map(([percentage, allowlist]) => rolloutSplit(percentage, allowlist)),
        { nil: null },
      ),
      rolloutPlan: fc.option(rolloutPlan, { nil: null }),
    }),
    rollout,
    fc.constantFrom("set" as const, "file" as const, "app" as const, "default" as const),
    fc.boolean(),
  )
  .map(([base, targets, door, isUsed]) => ({
    ...base,
    layers: isUsed ? usedLayers(base, door) : deployLayers(base, undefined),
    rolloutTargets: targets?.[0] ?? null,
    rolloutReaders: targets?.[1] ?? null,
  }));

/** What differs from the defaults was said by another door. */
function usedLayers(all: AllOptions, door: SettingSource): SettingLayers {
  const layers = deployLayers(all, undefined);
  // Without any other door in use nothing is written of them.
  return { ...layers, [door]: layers.flag, app: { "strip-path-prefix": false } };
}

describe("state file", () => {
  test("whatever is saved comes back", () => {
    const lists = fc.uniqueArray(service, { maxLength: 4, selector: (entry) => entry.name });
    fc.assert(
      fc.property(lists, (services) => {
        const entries: StateEntry[] = services.map((saved) => ({
          kind: "service",
          service: saved,
        }));
        expect(decodeState(encodeState(entries))).toEqual(entries);
      }),
    );
  });

  test("any list of JSON is read without loss: each entry is a service or kept as it is", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 5 }), (list) => {
        const entries = decodeState(JSON.stringify(list));
        const kept = entries.map((entry) => (entry.kind === "broken" ? entry.raw : entry.service));
        expect(kept).toEqual(JSON.parse(JSON.stringify(list)));
        expect(JSON.parse(encodeState(entries))).toEqual(JSON.parse(JSON.stringify(list)));
      }),
    );
  });
});

describe("control message", () => {
  test("it is the same however its bytes are cut", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat({ max: 64 }), (bytes, cut) => {
        const line = Buffer.from(bytes.filter((byte) => byte !== 0x0a));
        const whole = Buffer.concat([line, Buffer.from("\n")]);
        const reader = new MessageReader(64);
        const first = reader.push(whole.subarray(0, cut));
        const received = first.kind === "more" ? reader.push(whole.subarray(cut)) : first;
        expect(received).toMatchObject({ kind: "line", line: line.toString("utf8") });
      }),
    );
  });
});
