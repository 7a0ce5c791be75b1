/**
 * Settings from environment variables. kamal-proxy's own ones ignore what they cannot read; those
 * that only this proxy has are refused then.
 */
import { parseGoDecimal } from "../go/number.ts";
import { goQuote } from "../go/quote.ts";
import { CommandError } from "./command-error.ts";
import { kinds, type KindValue } from "./kinds.ts";
import type { Environment } from "./paths.ts";
import { mapTable, type Option, optionFault, type ValueOf, type ValuesOf } from "./setting.ts";

/** A setting of `run`. */
export type RunSetting = Option & {
  /** Null: it has only its variables. */
  readonly flag: string | null;
  /** The first one that is set counts. */
  readonly variables: readonly string[];
  /** As kamal-proxy does: what can't be read is as if it was not given. */
  readonly lenient?: true;
};

export type RunSettingTable = Readonly<Record<string, RunSetting>>;

/** The value of each setting as its variables alone tell it. */
export function readVariables<T extends RunSettingTable>(
  table: T,
  environment: Environment,
): ValuesOf<T> {
  return mapTable(table, (setting) => readVariable(setting, environment) ?? setting.fallback);
}

/** Undefined when no variable is set, or all are empty. */
export function readVariable<S extends RunSetting>(
  setting: S,
  environment: Environment,
): ValueOf<S> | undefined {
  const read: (setting: RunSetting, environment: Environment) => KindValue | undefined =
    setting.lenient === true ? readLeniently : readStrictly;
  return read(setting, environment) as ValueOf<S> | undefined;
}

function readStrictly(setting: RunSetting, environment: Environment): KindValue | undefined {
  const variable = setting.variables.find((name) => (environment[name] ?? "").trim() !== "");
  if (variable === undefined) return undefined;
  const text = environment[variable]!;
  const { kind } = setting;
  const parsed = kinds[kind].parse(kind === "text" || kind === "choice" ? text.trim() : text);
  const fault = "error" in parsed ? undefined : optionFault(setting, parsed.value);
  if ("value" in parsed && fault === undefined) return parsed.value;
  const reason = "error" in parsed ? parsed.error : fault?.reason;
  // Of a secret, the part that tells which one it is.
  const shown = setting.secret === true ? (fault?.value ?? "…") : text;
  throw new CommandError(`invalid value ${goQuote(shown)} for ${variable}: ${reason}`);
}

/** A name that is set counts even if its value cannot be read. */
function readLeniently(setting: RunSetting, environment: Environment): KindValue | undefined {
  const variable = setting.variables.find((name) => environment[name] !== undefined);
  if (variable === undefined) return undefined;
  const parse = setting.kind === "count" ? parseGoDecimal : kinds[setting.kind].parse;
  const parsed = parse(environment[variable]!);
  return "value" in parsed ? parsed.value : undefined;
}
