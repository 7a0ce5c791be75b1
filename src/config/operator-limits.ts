/** What commands that look at a running proxy take as their measure. */

/** For each look of `doctor` from outside. */
export const doctorTimeoutMs = 5_000;
/** Below these `doctor` warns. */
export const doctorLimits = {
  minFreeDiskBytes: 100 * 1_024 * 1_024,
  minOpenFiles: 4_096,
  minAcceptQueue: 1_024,
  /** Certificates of 90 days are renewed 30 days ahead. */
  minCertificateDays: 14,
};

export const topLimits = {
  /** Between two pictures. */
  intervalMs: 1_000,
  /** That rates and percentiles look back over. */
  windowSamples: 6,
  /** Of the small pictures behind services. */
  historySamples: 120,
};

/** Between two looks at the groups of a rollout that goes on by itself. */
export const rolloutLookIntervalMs = 1_000;

/** Between two looks of `list --watch`. */
export const listWatchIntervalMs = 1_000;
