/** The table that describes the flags of one command: read by the parser, the help and the completion. */
import { commandDefaults } from "../../config/defaults.ts";
import type { Option, ValuesOf } from "../../config/setting.ts";

export type Flag = Option & {
  /** One letter, for a switch. */
  readonly shorthand?: string;
  /** Environment variables that stand in for it, the first one that is set counts. */
  readonly variables?: readonly string[];
};

export type FlagTable = Readonly<Record<string, Flag>>;
export type FlagValues<T extends FlagTable> = ValuesOf<T>;

/** Every command has it. */
export const helpFlag = {
  help: { kind: "switch", fallback: false, help: "Show this help", shorthand: "h" },
} as const satisfies FlagTable;

/** `what` has that time. */
export function drainTimeoutFlag(what: string) {
  return {
    "drain-timeout": {
      kind: "duration",
      fallback: commandDefaults.drainTimeoutMs,
      help: `Time that ${what} have to finish`,
    },
  } as const satisfies FlagTable;
}

export const versionFlag = {
  version: { kind: "switch", fallback: false, help: "Show the version" },
} as const satisfies FlagTable;
