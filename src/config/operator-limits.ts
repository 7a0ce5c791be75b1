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
  /** A certificate that was just issued may be seen as not valid yet. */
  maxClockSkewMs: 60_000,
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
/** Events that are kept in memory, and of them those that `top` is told of. */
export const maxJournalEvents = 500;
export const maxToldEvents = 50;

/** What the status page is made of, and who may look at it at once. */
export const statusLimits = {
  /** Points of the whole proxy, one a second; of one service, one each ten seconds: an hour of both. */
  proxyPoints: 3_600,
  servicePoints: 360,
  servicePointMs: 10_000,
  /** Services that have points of their own, 13 KB each. */
  recordedServices: 256,
  /** That the rates of the table look back over. */
  windowSamples: 5,
  /** Pages that are told live. */
  maxViewers: 32,
  /** A viewer who leaves so much unread is dropped, and comes back by itself. */
  maxUnreadBytes: 4 * 1_024 * 1_024,
  /** Of the counts of wrong passwords. */
  rateMemoryBytes: 104 * 1_024,
  /** Processes are measured more rarely: the kernel walks their whole memory for it. */
  processTicks: 5,
  /** Between something that happens and its news, so that several make one. */
  settleMs: 50,
  /** Looking for news may take this share of the primary's time; what has surely happened waits no longer. */
  newsShare: 0.05,
  maxNewsDelayMs: 500,
};

/** Between two looks of `list --watch`. */
export const listWatchIntervalMs = 1_000;
