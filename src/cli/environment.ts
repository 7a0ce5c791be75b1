/**
 * Settings from environment variables. kamal-proxy's own ones ignore what they cannot read; those
 * that only this proxy has are refused then.
 */
import { CommandError } from "../config/command-error.ts";
import type { Environment } from "../config/paths.ts";
import { type Parsed, parseGoBoolean, parseGoDecimal } from "../go/number.ts";
import { goQuote } from "../go/quote.ts";

const environmentPrefix = "KAMAL_PROXY_";

/** Both names of a setting, the stronger one first. */
export function variableNames(key: string): [string, string] {
  return [environmentPrefix + key, key];
}

export function lenientInteger(environment: Environment, key: string, fallback: number): number {
  return lenient(environment, key, parseGoDecimal, fallback);
}

export function lenientBoolean(environment: Environment, key: string, fallback: boolean): boolean {
  return lenient(environment, key, parseGoBoolean, fallback);
}

/** Undefined when the variable is not set or empty. */
export function strictSetting<T>(
  environment: Environment,
  variable: string,
  parse: (text: string) => Parsed<T>,
): T | undefined {
  const text = environment[variable];
  if (text === undefined || text === "") return undefined;
  const parsed = parse(text);
  if ("value" in parsed) return parsed.value;
  throw new CommandError(`invalid value ${goQuote(text)} for ${variable}: ${parsed.error}`);
}

/** A name that is set counts even if its value cannot be read. */
function lenient<T>(
  environment: Environment,
  key: string,
  parse: (text: string) => Parsed<T>,
  fallback: T,
): T {
  const name = variableNames(key).find((each) => environment[each] !== undefined);
  if (name === undefined) return fallback;
  const parsed = parse(environment[name]!);
  return "value" in parsed ? parsed.value : fallback;
}
