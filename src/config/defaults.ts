/** Every default, limit and timeout, by name. Milliseconds and bytes. */

const KB = 1024;
const MB = 1024 * KB;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Defaults of the flags of `deploy`, `pause`, `stop` and `rollout deploy`. */
export const deployDefaults = {
  deployTimeoutMs: 30 * SECOND,
  drainTimeoutMs: 30 * SECOND,
  maxPauseMs: 30 * SECOND,
  writerAffinityTimeoutMs: 1 * SECOND,
  healthCheckPath: "/up",
  healthCheckPort: 0,
  healthCheckIntervalMs: 1 * SECOND,
  healthCheckTimeoutMs: 5 * SECOND,
  targetTimeoutMs: 30 * SECOND,
  bufferMemoryBytes: 1 * MB,
} as const;

/** Defaults of the flags of `run`. */
export const runDefaults = {
  httpPort: 80,
  httpsPort: 443,
  metricsPort: 0,
} as const;

export const acmeStagingDirectory = "https://acme-staging-v02.api.letsencrypt.org/directory";

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

/** Interval of the one timer that looks after all client connections. */
export const connectionSweepIntervalMs = 500;
/** Fields in one head; more is answered 431. */
export const maxFieldCount = 2_000;
/** Pipelined bytes kept while a request is being answered; then the socket is paused. */
export const maxReadAheadBytes = 64 * KB;
/** Empty lines before a request line (RFC 9112 2.2). */
export const maxLeadingEmptyLines = 4;
/** Bytes of an unread upload thrown away after an early answer, so that the client can read it. */
export const maxDiscardBytes = 256 * KB;
/** How long a closing connection waits for the client to read the last answer. */
export const lingerTimeoutMs = 2 * SECOND;

/** Chunk size line with its extensions; the trailer section as a whole. */
export const maxChunkLineBytes = 4 * KB;
export const maxTrailerBytes = 64 * KB;

/** Head of a response from a target. */
export const maxResponseHeadBytes = 1 * MB;
export const maxInformationalResponses = 32;

/** Connections to one target kept open between requests, as in kamal-proxy. */
export const maxIdleUpstreamConnections = 100;
export const upstreamIdleTimeoutMs = 90 * SECOND;
/** A connect that hangs; the target timeout counts as well. */
export const upstreamConnectTimeoutMs = 10 * SECOND;

/** Requests held by one paused service; more are answered 503 at once. */
export const maxHeldRequests = 10_000;

/** Memory of all buffered bodies together; beyond it bodies go straight to disk. */
export const bufferMemoryTotalBytes = 256 * MB;

/** A control message, either way. */
export const maxControlMessageBytes = 1 * MB;
/** How long a client may take to send its one message. */
export const controlReadTimeoutMs = 10 * SECOND;
/** How long requests under way may take after SIGTERM. */
export const shutdownTimeoutMs = 10 * SECOND;

/** Health check: redirects followed, bytes of a body read. */
export const maxHealthCheckRedirects = 10;
export const minHealthCheckIntervalMs = 10;

/** Access-log lines wait this long at most to be written together. */
export const logFlushIntervalMs = 50;
export const logFlushBytes = 64 * KB;
