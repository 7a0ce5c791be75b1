/** What holds unless somebody says otherwise, by flags or variables. Milliseconds and bytes. */

const MB = 1024 * 1024;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Defaults of what commands wait for; those of a service's settings are in `settings`. */
export const commandDefaults = {
  deployTimeoutMs: 30 * SECOND,
  drainTimeoutMs: 30 * SECOND,
  maxPauseMs: 30 * SECOND,
} as const;

/** What a client connection may take. Each has an environment variable on `run`. */
export interface ClientLimits {
  /** An unfinished request head, from its first byte or the accept. */
  headerTimeoutMs: number;
  /** A keep-alive connection between two requests. */
  idleTimeoutMs: number;
  /** No byte of progress of an upload or of a client's reading. */
  stallTimeoutMs: number;
  maxHeaderBytes: number;
}

export const clientLimits: ClientLimits = {
  headerTimeoutMs: 60 * SECOND,
  idleTimeoutMs: 3 * MINUTE,
  stallTimeoutMs: 5 * MINUTE,
  maxHeaderBytes: 1 * MB,
};

/** How long a request waits for a target that refuses connections (KAMAL_PROXY_TARGET_RETRY); 0: not at all. */
export const targetRetryMs = 0;

/** Tunnels and downloads in workers that an upgrade has replaced (KAMAL_PROXY_FINISH_TIMEOUT). */
export const finishTimeoutMs = 60 * MINUTE;

/** Memory of all buffered bodies together; beyond it bodies go straight to disk. */
export const maxBufferMemoryTotalBytes = 256 * MB;
export const minBufferMemoryTotalBytes = 32 * MB;

/**
 * How much of the limits of what waits in memory (for clients, for apps, for its turn) counts with so much
 * memory: with less than 1 GB less, down to an eighth.
 */
export function waitingMemoryShare(usableMemoryBytes: number): number {
  return Math.min(1, Math.max(1 / 8, usableMemoryBytes / (1024 * MB)));
}

/** An eighth of what the process may use, within these bounds. */
export function bufferMemoryTotalFor(usableMemoryBytes: number): number {
  const eighth = Math.floor(usableMemoryBytes / 8);
  return Math.min(maxBufferMemoryTotalBytes, Math.max(minBufferMemoryTotalBytes, eighth));
}

export const acmeProductionDirectory = "https://acme-v02.api.letsencrypt.org/directory";
export const acmeStagingDirectory = "https://acme-staging-v02.api.letsencrypt.org/directory";
