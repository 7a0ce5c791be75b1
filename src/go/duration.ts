/**
 * Durations as Go writes them (`1m30s`, `1.2s`, `250ms`), and the nanoseconds of the state file and
 * the access log. Inside the proxy a duration is a number of milliseconds.
 */
import { maxGoInteger } from "./number.ts";

export type ParsedDuration = { ms: number } | { error: string };

const microsecond = 1_000n;
const millisecond = 1_000_000n;
const second = 1_000_000_000n;
const minute = 60n * second;
const hour = 60n * minute;

const units = new Map([
  ["ns", 1n],
  ["us", microsecond],
  ["\u00b5s", microsecond],
  ["\u03bcs", microsecond],
  ["ms", millisecond],
  ["s", second],
  ["m", minute],
  ["h", hour],
]);

/** One more than the largest duration; Go's are signed 64 bit nanoseconds. */
const limit = 2n ** 63n;
/** Number, fraction, unit: the unit goes on to the next digit or dot. */
const part = /^([0-9]*)(?:\.([0-9]*))?([^0-9.]*)/;

/** Go's `time.ParseDuration`; the error is Go's text. */
export function parseDuration(text: string): ParsedDuration {
  const signed = /^[+-]/.test(text);
  let rest = signed ? text.slice(1) : text;
  if (rest === "0") return { ms: 0 };
  if (rest === "") return invalid(text);

  let total = 0n;
  while (rest !== "") {
    const [matched, whole = "", fraction = "", unitName = ""] = part.exec(rest)!;
    if (whole === "" && fraction === "") return invalid(text);
    const value = BigInt(whole === "" ? "0" : whole);
    if (value > limit) return invalid(text);
    if (unitName === "") return failure("missing unit in duration", text);
    const unit = units.get(unitName);
    if (unit === undefined) return failure(`unknown unit ${quote(unitName)} in duration`, text);
    total += value * unit + fractionOf(fraction, unit);
    if (total > limit) return invalid(text);
    rest = rest.slice(matched.length);
  }
  if (text.startsWith("-")) return { ms: toMs(-total) };
  return total < limit ? { ms: toMs(total) } : invalid(text);
}

export function formatDuration(ms: number): string {
  const nanoseconds = BigInt(nanosecondsFromMs(ms));
  if (nanoseconds === 0n) return "0s";
  return nanoseconds < 0n ? `-${formatPositive(-nanoseconds)}` : formatPositive(nanoseconds);
}

/** Whole nanoseconds, within what Go's type holds. */
export function nanosecondsFromMs(ms: number): number {
  return Math.max(-maxGoInteger, Math.min(maxGoInteger, Math.round(ms * 1e6)));
}

export function msFromNanoseconds(nanoseconds: number): number {
  return Math.trunc(nanoseconds / 1e6) + (nanoseconds % 1e6) / 1e6;
}

/** As Go does it, in floating point, so that the last nanosecond is the same. */
function fractionOf(digits: string, unit: bigint): bigint {
  let value = 0n;
  let scale = 1;
  for (const digit of digits) {
    const next = value * 10n + BigInt(digit);
    if (value > (limit - 1n) / 10n || next > limit) break;
    value = next;
    scale *= 10;
  }
  return BigInt(Math.trunc(Number(value) * (Number(unit) / scale)));
}

function toMs(nanoseconds: bigint): number {
  return Number(nanoseconds / millisecond) + Number(nanoseconds % millisecond) / 1e6;
}

function formatPositive(nanoseconds: bigint): string {
  if (nanoseconds < microsecond) return `${nanoseconds}ns`;
  if (nanoseconds < millisecond) return `${decimal(nanoseconds, microsecond, 3)}\u00b5s`;
  if (nanoseconds < second) return `${decimal(nanoseconds, millisecond, 6)}ms`;
  const hours = nanoseconds / hour;
  const minutes = (nanoseconds % hour) / minute;
  const seconds = `${decimal(nanoseconds % minute, second, 9)}s`;
  if (hours > 0n) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0n ? `${minutes}m${seconds}` : seconds;
}

function decimal(value: bigint, unit: bigint, digits: number): string {
  const fraction = (value % unit).toString().padStart(digits, "0").replace(/0+$/, "");
  return fraction === "" ? `${value / unit}` : `${value / unit}.${fraction}`;
}

function invalid(text: string): { error: string } {
  return failure("invalid duration", text);
}

function failure(reason: string, text: string): { error: string } {
  return { error: `time: ${reason} ${quote(text)}` };
}

/** Go's time package has its own quotes: every byte outside of ASCII is escaped. */
function quote(text: string): string {
  let quoted = "";
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    if (byte < 0x20 || byte >= 0x80) quoted += `\\x${byte.toString(16).padStart(2, "0")}`;
    else quoted += character === '"' || character === "\\" ? `\\${character}` : character;
  }
  return `"${quoted}"`;
}
