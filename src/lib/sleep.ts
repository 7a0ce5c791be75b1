/** Waits that can be given up. */
import type { Clock } from "./clock.ts";

/** Resolves after so long by the clock; rejects with the signal's reason as soon as that aborts. */
export async function sleep(clock: Clock, durationMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = clock.after(durationMs, () => resolve());
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await promise;
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", abort);
  }
}

/** Resolves when the work has ended, or after so long by the clock; rejects when the work does before. */
export async function waitAtMost(
  clock: Clock,
  durationMs: number,
  work: Promise<unknown>,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(durationMs, () => resolve());
  try {
    await Promise.race([work, promise]);
  } finally {
    timer.cancel();
  }
}
