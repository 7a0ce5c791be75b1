/** The kinds of values that settings and flags have: their types, and how each is written as text. */
import { readCsvRecord } from "../go/csv-record.ts";
import { formatDuration, parseDuration } from "../go/duration.ts";
import { type Parsed, parseGoBoolean, parseGoInteger } from "../go/number.ts";

export interface KindValues {
  switch: boolean;
  /** 64 bit in the syntax of Go. */
  count: number;
  bytes: number;
  percentage: number;
  /** Milliseconds. */
  duration: number;
  text: string;
  /** One of a few words. */
  choice: string;
  /** Repeats; each value is one line of CSV. */
  list: string[];
  /** Repeats; each value is taken as it is, commas included. */
  lines: string[];
}

export type Kind = keyof KindValues;
export type KindValue = KindValues[Kind];

interface KindRules<T> {
  /** What the help calls it, as kamal-proxy's does; empty: it is given without a value. */
  readonly typeName: string;
  /** What an absent value means in kamal-proxy's state file. */
  readonly zero: Readonly<T>;
  parse(text: string): Parsed<T>;
  write(value: Readonly<T>): string;
}

const wholeNumber: KindRules<number> = {
  typeName: "int",
  zero: 0,
  parse: parseGoInteger,
  write: String,
};

export const kinds: { readonly [K in Kind]: KindRules<KindValues[K]> } = {
  switch: {
    typeName: "",
    zero: false,
    parse: parseGoBoolean,
    write: String,
  },
  count: wholeNumber,
  bytes: wholeNumber,
  percentage: wholeNumber,
  duration: {
    typeName: "duration",
    zero: 0,
    parse(text) {
      const parsed = parseDuration(text);
      return "error" in parsed ? parsed : { value: parsed.ms };
    },
    write: formatDuration,
  },
  text: {
    typeName: "string",
    zero: "",
    parse: (text) => ({ value: text }),
    write: (value) => value,
  },
  choice: {
    typeName: "string",
    zero: "",
    parse: (text) => ({ value: text }),
    write: (value) => value,
  },
  list: {
    typeName: "strings",
    zero: [],
    /** An empty text adds nothing. */
    parse(text) {
      if (text === "") return { value: [] };
      const record = readCsvRecord(text);
      return "error" in record ? record : { value: record.fields };
    },
    write: (value) => value.join(","),
  },
  lines: {
    typeName: "stringArray",
    zero: [],
    parse: (text) => ({ value: text === "" ? [] : [text] }),
    write: (value) => value.join("\n"),
  },
};
