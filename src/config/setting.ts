/** What one setting is, whatever it is read from: a row of the tables in `settings` and `run-settings`. */
import { goQuote } from "../go/quote.ts";
import { type Kind, kinds, type KindValue, type KindValues } from "./kinds.ts";

interface OptionOf<K extends Kind> {
  readonly kind: K;
  readonly fallback: Readonly<KindValues[K]>;
  readonly help: string;
  /** Messages show what is before its first colon alone. */
  readonly secret?: true;
  /** Its value names a file or a folder. */
  readonly file?: true;
  /** A value that can be meant, where few texts and numbers can. */
  readonly example?: Readonly<KindValues[K]>;
  /** The words of a choice. */
  readonly words?: readonly string[];
  /** Why a value can't be meant; of a list each element is asked about. */
  fault?(value: KindValues[K] extends string[] ? string : KindValues[K]): string | undefined;
}

/** A value that can be given: a flag of any command, a setting of a service or of `run`. */
export type Option = { [K in Kind]: OptionOf<K> }[Kind];
export type OptionTable = Readonly<Record<string, Option>>;

interface SettingOf<K extends Kind> extends OptionOf<K> {
  /** Null: no flag sets it directly. */
  readonly flag: string | null;
  /** Its key in the state file. */
  readonly stateKey: string;
  /**
   * kamal-proxy does not have it. It is in the state file only where it is not the fallback, so that
   * the file of somebody who does not use it is kamal-proxy's to the letter.
   */
  readonly own?: true;
  /** The app itself may not set it: what reaches beyond the service, or says whom to believe. */
  readonly operatorOnly?: true;
  /** It keeps clients away: without it more can be seen. */
  readonly protects?: true;
  /** Shown to nobody, but for what `shown` makes of it. */
  readonly secret?: true;
  shown?(value: Readonly<KindValues[K]>): KindValues[K];
  /** Where a value may still be completed before it counts: what it is checked as. */
  checkedAs?(value: KindValues[K]): KindValues[K];
  /** The form in which it is compared and saved. Applying it twice changes nothing. */
  normalize?(value: KindValues[K]): KindValues[K];
}

/** An option of `deploy` that belongs to the service from then on. */
export type Setting = { [K in Kind]: SettingOf<K> }[Kind];
export type SettingTable = Readonly<Record<string, Setting>>;

export type ValueOf<O extends Option> = O extends {
  kind: "choice";
  words: readonly (infer Word)[];
}
  ? Word
  : KindValues[O["kind"]];

export type ValuesOf<T extends OptionTable> = { -readonly [Name in keyof T]: ValueOf<T[Name]> };

/** `fault` of numbers and times that have no use below nothing. */
export function negativeFault(value: number): string | undefined {
  return value < 0 ? "must not be negative" : undefined;
}

/** `fault` of times that must be some. */
export function emptyTimeFault(ms: number): string | undefined {
  return ms > 0 ? undefined : "must be greater than 0s";
}

/** One value for each row of a table. */
export function mapTable<T extends OptionTable>(
  table: T,
  valueOf: (row: T[keyof T], name: keyof T & string) => unknown,
): ValuesOf<T> {
  const rows = Object.entries(table) as [keyof T & string, T[keyof T]][];
  return Object.fromEntries(rows.map(([name, row]) => [name, valueOf(row, name)])) as ValuesOf<T>;
}

export function fallbacksOf<T extends OptionTable>(table: T): ValuesOf<T> {
  return mapTable(table, ({ fallback }) => (Array.isArray(fallback) ? [...fallback] : fallback));
}

/** What everybody may see of the values. */
export function shownValues<T extends SettingTable>(table: T, values: ValuesOf<T>): ValuesOf<T> {
  return mapTable(table, (row: Setting, name) => shownValue(row, values[name] as KindValue));
}

export function shownValue(row: Setting, value: Readonly<KindValue>): Readonly<KindValue> {
  const { secret, shown, fallback } = row as SettingOf<Kind>;
  return secret === true ? (shown?.(value) ?? fallback) : value;
}

/** Durations and sizes below zero mean none, as zero does. */
export function normalizeValues<T extends SettingTable>(
  table: T,
  values: ValuesOf<T>,
): ValuesOf<T> {
  return mapTable(table, (row: Setting, name) => normalizedValue(row, values[name] as KindValue));
}

/** What is wrong with the first value that can't be meant, complete for the user. */
export function valuesFault<T extends SettingTable>(
  table: T,
  values: ValuesOf<T>,
  isChecked: (row: Setting) => boolean = () => true,
): string | undefined {
  for (const [name, row] of Object.entries(table)) {
    if (!isChecked(row)) continue;
    const fault = optionFault(row, values[name as keyof T] as KindValue);
    if (fault !== undefined) {
      return `invalid value ${goQuote(fault.value)} for --${row.flag ?? name}: ${fault.reason}`;
    }
  }
  return undefined;
}

export interface OptionFault {
  /** The value at fault; of a list the element. */
  value: string;
  reason: string;
}

export function optionFault(option: Option, value: KindValue): OptionFault | undefined {
  const { kind, fault, secret } = option as OptionOf<Kind>;
  for (const part of Array.isArray(value) ? value : [value]) {
    const reason = kindFault(option, part) ?? fault?.(part);
    if (reason !== undefined) {
      const text = typeof part === "string" ? part : kinds[kind as "count"].write(part as number);
      return { value: secret === true ? text.replace(/(:|^[^:]*$).*/s, ":…") : text, reason };
    }
  }
  return undefined;
}

function kindFault({ kind, words = [] }: Option, value: KindValue): string | undefined {
  if (kind === "percentage" && !((value as number) >= 0 && (value as number) <= 100)) {
    return "must be between 0 and 100";
  }
  if (kind === "choice" && !words.includes(value as string)) {
    return `must be ${words.join(" or ")}`;
  }
  return undefined;
}

export function normalizedValue(row: Setting, value: Readonly<KindValue>): KindValue {
  const { kind, normalize } = row as SettingOf<Kind>;
  if (normalize !== undefined) return normalize(value as KindValue);
  return kind === "duration" || kind === "bytes"
    ? Math.max(0, value as number)
    : (value as KindValue);
}
