/** The time of a log line: RFC 3339 with nine digits of a second, in the machine's time zone. */

let cachedSecond = Number.NaN;
let cachedStart = "";
let cachedEnd = "";

/**
 * Always nine digits, so that lines sort as text. All but the fraction is kept for the lines of the
 * same second: making it costs more than the rest of a line.
 */
export function formatLogTime(wallMs: number): string {
  const second = Math.floor(wallMs / 1_000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    setZone(second * 1_000);
  }
  const nanoseconds = Math.floor((wallMs - second * 1_000) * 1e6);
  // The leading 1 keeps the zeros in front.
  return cachedStart + String(1e9 + nanoseconds).slice(1) + cachedEnd;
}

function setZone(wallMs: number): void {
  const offset = -new Date(wallMs).getTimezoneOffset();
  cachedStart = `${new Date(wallMs + offset * 60_000).toISOString().slice(0, 19)}.`;
  if (offset === 0) {
    cachedEnd = "Z";
    return;
  }
  const minutes = Math.abs(offset);
  cachedEnd =
    (offset < 0 ? "-" : "+") + twoDigits(Math.floor(minutes / 60)) + ":" + twoDigits(minutes % 60);
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
