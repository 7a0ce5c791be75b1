/** The value of a setting as a file of settings or an app writes it: JSON, durations as text. Both ways. */
import { parseDuration } from "../go/duration.ts";
import type { Parsed } from "../go/number.ts";
import { type Kind, kinds, type KindValue } from "./kinds.ts";
import { optionFault, type Setting, shownValue } from "./setting.ts";

/** What is expected of each type of value, in the words of an error and of the JSON schema. */
export const jsonForms = {
  boolean: { schema: { type: "boolean" }, expected: "true or false" },
  integer: { schema: { type: "integer" }, expected: "a whole number" },
  duration: {
    schema: {
      type: "string",
      pattern: String.raw`^[-+]?(0|([0-9]*\.?[0-9]+(ns|us|µs|ms|s|m|h))+)$`,
    },
    expected: 'a duration such as "30s"',
  },
  text: { schema: { type: "string" }, expected: "a text" },
  list: {
    schema: { type: ["array", "string"], items: { type: "string" } },
    expected: "a list of texts",
  },
} as const;

export type JsonForm = keyof typeof jsonForms;

export function jsonFormOf(kind: Kind): JsonForm {
  const { zero } = kinds[kind];
  if (Array.isArray(zero)) return "list";
  if (kind === "duration") return "duration";
  if (typeof zero === "boolean") return "boolean";
  return typeof zero === "number" ? "integer" : "text";
}

/** The value, or why it can't be meant. */
export function readSettingJson(row: Setting, json: unknown): Parsed<KindValue> {
  const value = settingValue(row, json);
  if (value === undefined) return { error: `must be ${jsonForms[jsonFormOf(row.kind)].expected}` };
  const { checkedAs } = row as { checkedAs?(value: KindValue): KindValue };
  const fault = optionFault(row, checkedAs?.(value) ?? value);
  if (fault === undefined) return { value };
  return { error: `"${fault.value}": ${fault.reason}` };
}

/** Undefined when it is of another type; whether it can be meant is not asked. */
export function settingValue({ kind }: Setting, json: unknown): KindValue | undefined {
  switch (jsonFormOf(kind)) {
    case "boolean":
      return typeof json === "boolean" ? json : undefined;
    case "integer":
      return Number.isSafeInteger(json) ? (json as number) : undefined;
    case "duration": {
      const parsed = typeof json === "string" ? parseDuration(json) : { error: "" };
      return "error" in parsed ? undefined : parsed.ms;
    }
    case "text":
      return typeof json === "string" ? json : undefined;
    case "list":
      return listOf(json);
  }
}

export function settingJson({ kind }: Setting, value: Readonly<KindValue>): unknown {
  return kind === "duration" ? kinds.duration.write(value as number) : value;
}

/** What everybody may see of it. */
export function shownJson(row: Setting, value: Readonly<KindValue>): unknown {
  return settingJson(row, shownValue(row, value));
}

/** A single text is a list of one; commas in it mean nothing. */
function listOf(json: unknown): string[] | undefined {
  const list = typeof json === "string" ? [json] : json;
  if (!Array.isArray(list)) return undefined;
  return list.every((element) => typeof element === "string") ? list : undefined;
}
