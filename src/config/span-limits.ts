/** Limits and times of the spans that are sent to a collector, each of every process that serves. */
export const spanLimits = {
  /** Between the first span and the export that takes it along. */
  intervalMs: 1_000,
  batchSize: 512,
  maxWaiting: 2_048,
  maxWaitingBytes: 4 * 1_024 * 1_024,
  timeoutMs: 10_000,
  /** After exports that have failed. */
  maxPauseMs: 60_000,
  /** For the last ones, when the process ends. */
  closeMs: 500,
};
