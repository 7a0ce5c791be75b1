/** The date format of HTTP (RFC 9110 5.6.7). */

let cachedSecond = Number.NaN;
let cachedDate = "";

/** `wallMs` as IMF-fixdate. Formatted once a second: that costs more than the rest of a response head. */
export function httpDate(wallMs: number): string {
  const second = Math.floor(wallMs / 1_000);
  if (second !== cachedSecond) {
    // oxlint-disable-next-line no-restricted-globals -- converts a given time, asks no clock
    cachedDate = new Date(wallMs).toUTCString();
    cachedSecond = second;
  }
  return cachedDate;
}
