/** The cookie that keeps a client's reads with the writers for a while after it has written. */
import { cookieValue } from "../../protocols/http/cookies.ts";
import type { Fields } from "../../protocols/http/fields.ts";

const writerCookieName = "kamal-writer";
const optOutKey = "x-writer-affinity";
/** The cookie outlives its own value a little, so that rounding never cuts it short. */
const cookieGraceMs = 1_000;

/** Whether the client wrote so recently that its reads must go to a writer. `nowMs` since 1970. */
export function readsFromWriter(request: Fields, nowMs: number): boolean {
  if (!request.has("cookie")) return false;
  const value = cookieValue(request.all("cookie"), writerCookieName);
  if (value === undefined || !/^[+-]?\d{1,19}$/.test(value)) return false;
  const until = BigInt(value);
  // The cookie holds a signed 64-bit number; anything else is not ours.
  return BigInt.asIntN(64, until) === until && Number(until) > nowMs;
}

/** To be applied to the app's answer to a write, when there are readers and a timeout is set. */
export function applyWriterAffinity(response: Fields, nowMs: number, timeoutMs: number): void {
  if (response.get(optOutKey) !== "false") {
    response.append("Set-Cookie", writerCookie(nowMs, timeoutMs), "set-cookie");
  }
  response.delete(optOutKey);
}

export function writerCookie(nowMs: number, timeoutMs: number): string {
  const untilMs = Math.floor(nowMs + timeoutMs);
  // oxlint-disable-next-line no-restricted-globals -- writes a time that is given, reads no clock
  const expires = new Date(untilMs + cookieGraceMs).toUTCString();
  return `${writerCookieName}=${untilMs}; Path=/; Expires=${expires}; HttpOnly`;
}
