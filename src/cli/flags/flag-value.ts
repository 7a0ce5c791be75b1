/** Reads the text of one flag value by the flag's type. */
import { readCsvRecord } from "../../go/csv-record.ts";
import { parseDuration } from "../../go/duration.ts";
import { type Parsed, parseGoBoolean, parseGoInteger } from "../../go/number.ts";
import type { FlagType, FlagTypes } from "./flags.ts";

export type FlagValue = FlagTypes[FlagType];

export function parseFlagValue(type: FlagType, text: string): Parsed<FlagValue> {
  switch (type) {
    case "bool":
      return parseGoBoolean(text);
    case "int":
      return parseGoInteger(text);
    case "string":
      return { value: text };
    case "strings":
      return parseList(text);
    case "duration": {
      const parsed = parseDuration(text);
      return "error" in parsed ? parsed : { value: parsed.ms };
    }
  }
}

/** An empty text adds nothing. */
export function parseList(text: string): Parsed<string[]> {
  if (text === "") return { value: [] };
  const record = readCsvRecord(text);
  return "error" in record ? record : { value: record.fields };
}
