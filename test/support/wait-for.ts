/** Waiting for a condition, never for a time. */

const pollIntervalMs = 5;
/** Half of what a test may take; on a machine with more to do than it can, an answer takes many seconds. */
export const patienceMs = 30_000;

/** Resolves to the first truthy result of `condition`; rejects with `what` and the last error when it takes too long. */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  what: string,
  timeoutMs = patienceMs,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const result = await condition();
      if (result) return result;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause: lastError });
    }
    await Bun.sleep(pollIntervalMs);
  }
}

/** `promise`, or a rejection that names `what` when it takes too long. */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  timeoutMs = patienceMs,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`waited ${timeoutMs} ms for ${what}`)),
    timeoutMs,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
