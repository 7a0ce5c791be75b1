/** The table that describes the flags of one command: read by the parser and by the help text. */

export interface FlagTypes {
  bool: boolean;
  /** 64 bit in the syntax of Go. */
  int: number;
  string: string;
  /** Repeats; each value is one line of CSV. */
  strings: string[];
  /** Milliseconds. */
  duration: number;
}

export type FlagType = keyof FlagTypes;

export interface Flag<T extends FlagType = FlagType> {
  type: T;
  default: FlagTypes[T];
  description: string;
  /** One letter. */
  shorthand?: T extends "bool" ? string : never;
  /** Environment variables that stand in for it, the first one that is set counts. */
  environment?: readonly string[];
}

export type FlagTable = Readonly<Record<string, AnyFlag>>;
export type AnyFlag = { [T in FlagType]: Flag<T> }[FlagType];
export type FlagValues<T extends FlagTable> = { [Name in keyof T]: FlagTypes[T[Name]["type"]] };

export function bool(description: string, value = false): Flag<"bool"> {
  return { type: "bool", default: value, description };
}

export function int(description: string, value = 0): Flag<"int"> {
  return { type: "int", default: value, description };
}

export function string(description: string, value = ""): Flag<"string"> {
  return { type: "string", default: value, description };
}

export function strings(description: string): Flag<"strings"> {
  return { type: "strings", default: [], description };
}

export function duration(description: string, ms: number): Flag<"duration"> {
  return { type: "duration", default: ms, description };
}

export function withEnvironment<F extends AnyFlag>(flag: F, ...environment: string[]): F {
  return { ...flag, environment };
}

/** Every command has it. */
export const helpFlag = {
  help: { type: "bool", default: false, description: "Show this help", shorthand: "h" },
} as const satisfies FlagTable;
