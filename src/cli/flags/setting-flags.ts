/** From the rows of a settings table to flags, and from the flags' values to the settings'. */
import { mapTable, type Option, type ValuesOf } from "../../config/setting.ts";
import type { FlagTable } from "./flags.ts";

/** A row of any table of settings. */
export type FlaggedOption = Option & { readonly flag: string | null };
export type FlaggedTable = Readonly<Record<string, FlaggedOption>>;

/** Rows without a flag are left out. */
export type FlagsOf<T extends FlaggedTable> = {
  [Name in keyof T as T[Name]["flag"] & string]: T[Name];
};

export function flagsOf<T extends FlaggedTable>(table: T): FlagsOf<T> {
  const flagged = Object.values(table).filter(({ flag }) => flag !== null);
  return Object.fromEntries(flagged.map((row) => [row.flag, row])) as FlagsOf<T>;
}

/** What no flag sets has its fallback. */
export function settingValues<T extends FlaggedTable>(
  table: T,
  values: ValuesOf<FlagTable>,
): ValuesOf<T> {
  return mapTable(table, ({ flag, fallback }) => (flag === null ? fallback : values[flag]));
}
