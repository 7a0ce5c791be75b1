/** The values of settings in the keys and units of the state file, both ways, for any table of settings. */
import * as v from "valibot";
import { type Kind, kinds, type KindValues } from "../../config/kinds.ts";
import { areAlike } from "../../config/setting-layers.ts";
import {
  mapTable,
  type Setting,
  type SettingTable,
  type ValueOf,
  type ValuesOf,
} from "../../config/setting.ts";
import { msFromNanoseconds, nanosecondsFromMs } from "../../go/duration.ts";
import { maxGoInteger } from "../../go/number.ts";

interface KindCodec<T> {
  schema: v.GenericSchema<T>;
  encode(value: T): unknown;
  decode(json: T): T;
}

function asItIs<T>(schema: v.GenericSchema<T>): KindCodec<T> {
  return { schema, encode: (value) => value, decode: (json) => json };
}

function wholeNumber(): KindCodec<number> {
  return { ...asItIs(v.number()), encode: (value) => Math.min(maxGoInteger, value) };
}

const texts: KindCodec<string[]> = {
  ...asItIs(v.array(v.string())),
  // A list that was never filled is null in Go.
  encode: (value) => (value.length === 0 ? null : value),
};

const codecs: { readonly [K in Kind]: KindCodec<KindValues[K]> } = {
  switch: asItIs(v.boolean()),
  count: asItIs(v.number()),
  bytes: wholeNumber(),
  percentage: asItIs(v.number()),
  duration: { schema: v.number(), encode: nanosecondsFromMs, decode: msFromNanoseconds },
  text: asItIs(v.string()),
  choice: asItIs(v.string()),
  list: texts,
  lines: texts,
};

type StateKeys<T extends SettingTable> = T[keyof T]["stateKey"];
type SettingAt<T extends SettingTable, Key> = Extract<T[keyof T], { stateKey: Key }>;

/** The entries of an object's schema; what is missing or null is what Go makes of it. */
export type StateEntries<T extends SettingTable> = {
  [Key in StateKeys<T>]: NullishOf<ValueOf<SettingAt<T, Key>>>;
};
type NullishOf<Value> = v.NullishSchema<v.GenericSchema<Value>, Value>;

export function stateEntries<T extends SettingTable>(table: T): StateEntries<T> {
  const entries = Object.values<Setting>(table).map((setting) => [
    setting.stateKey,
    v.nullish(codecs[setting.kind].schema as v.GenericSchema<unknown>, absent(setting)),
  ]);
  return Object.fromEntries(entries) as StateEntries<T>;
}

/** kamal-proxy leaves out none of its keys, so one that is missing is older than the key. */
function absent({ own, kind, fallback }: Setting): unknown {
  if (own !== true) return kinds[kind].zero;
  return codecs[kind].encode(fallback as never) ?? kinds[kind].zero;
}

export function encodeSettings<T extends SettingTable>(
  table: T,
  values: ValuesOf<T>,
): Record<string, unknown> {
  const rows = Object.entries<Setting>(table).map(([name, setting]) => {
    const encode: (value: never) => unknown = codecs[setting.kind].encode;
    const { stateKey, own, fallback } = setting;
    const json = encode(values[name] as never);
    if (own !== true) return [[stateKey, json]];
    // Null would be read as the fallback.
    return areAlike(values[name], fallback) ? [] : [[stateKey, json ?? []]];
  });
  return Object.fromEntries(rows.flat());
}

export function decodeSettings<T extends SettingTable>(
  table: T,
  json: Readonly<Record<StateKeys<T>, unknown>>,
): ValuesOf<T> {
  return mapTable(table, (setting: Setting) => {
    const decode: (json: never) => unknown = codecs[setting.kind].decode;
    return decode(json[setting.stateKey as StateKeys<T>] as never);
  });
}
