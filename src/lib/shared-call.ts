/** One call at a time for all who ask: what takes work is done once, however many want to know. */

/**
 * Everybody gets the result of a call that began after they asked; those who ask while one is under way share
 * the next. `pause` comes before each.
 */
export function sharedCall<T>(
  call: () => Promise<T>,
  pause: () => Promise<void> = async () => {},
): () => Promise<T> {
  let current: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | null = null;
  const whenDue = async (): Promise<T> => {
    try {
      await current;
      await pause();
    } finally {
      next = null;
    }
    const result = call();
    current = result.catch(() => {});
    return await result;
  };
  return () => (next ??= whenDue());
}
