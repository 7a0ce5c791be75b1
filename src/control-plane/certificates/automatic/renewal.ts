/** When a certificate is renewed, and when a failed renewal is tried again. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Timers can't be set for longer than 24.8 days, and the machine's clock may be changed meanwhile. */
const maxSleepMs = 12 * HOUR;

export interface Lifetime {
  /** Milliseconds since 1970. */
  notBeforeMs: number;
  notAfterMs: number;
}

/** Milliseconds since 1970: when the rest of life is a third of it, or 30 days. `random` is from 0 to 1. */
export function renewalTimeMs({ notBeforeMs, notAfterMs }: Lifetime, random: number): number {
  const windowMs = Math.min((notAfterMs - notBeforeMs) / 3, 30 * DAY);
  // Many certificates of the same day are not renewed in the same second.
  const jitterMs = Math.min(windowMs / 10, HOUR);
  return notAfterMs - windowMs - random * jitterMs;
}

/**
 * The same for a certificate that was issued just now. One that begins far in the past, or has
 * expired by this machine's clock, must not be ordered again and again.
 */
export function firstRenewalTimeMs(lifetime: Lifetime, nowMs: number, random: number): number {
  const restMs = lifetime.notAfterMs - nowMs;
  const earliestMs = nowMs + (restMs > 0 ? restMs / 2 : HOUR);
  return Math.max(renewalTimeMs(lifetime, random), earliestMs);
}

/** Milliseconds since 1970: when a sixth of life is left. */
export function latestRenewalMs({ notBeforeMs, notAfterMs }: Lifetime): number {
  return notAfterMs - (notAfterMs - notBeforeMs) / 6;
}

/** Sooner than half an hour only when the certificate would expire before. */
export function renewalRetryDelayMs(
  { notAfterMs }: Lifetime,
  nowMs: number,
  random: number,
): number {
  const usual = (30 + 30 * random) * MINUTE;
  const restMs = Math.max(0, notAfterMs - nowMs);
  // Once it has expired, handshakes ask for a new one as well.
  return restMs === 0 ? MINUTE : Math.min(usual, Math.max(SECOND, restMs / 5));
}

/** How long a timer sleeps before the time is looked at again. */
export function sleepMs(untilMs: number, nowMs: number): number {
  return Math.min(Math.max(0, untilMs - nowMs), maxSleepMs);
}

export function isWithin({ notBeforeMs, notAfterMs }: Lifetime, nowMs: number): boolean {
  return notBeforeMs <= nowMs && nowMs < notAfterMs;
}
