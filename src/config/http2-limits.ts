/** Limits and times of HTTP/2, to clients and to targets, in milliseconds and bytes. */

const KB = 1024;
const MB = 1024 * KB;
const SECOND = 1_000;

/** HTTP/2: what one connection may ask for, hold and cause. */
export const http2Limits = {
  maxConcurrentStreams: 100,
  /**
   * What a peer may send ahead of whoever takes it. A window begins with 64 KB and becomes four times as large while
   * half of it is taken within this time: up to the first figure, or to so many bytes for each millisecond that the
   * path to a client or a target takes there and back, at most the third. Those to targets are short, and what
   * clients do not take of a fast one costs memory. What all windows together have beyond 64 KB has a limit of its own.
   */
  minGrownWindowBytes: 2 * MB,
  windowBytesPerMs: { client: 800 * KB, target: 200 * KB },
  maxWindowBytes: 8 * MB,
  maxConnectionWindowBytes: 10 * MB,
  windowGrowthWithinMs: 500,
  maxGrownWindowsBytes: 64 * MB,
  /** A window of which more than half waits for its reader shrinks to this, or to what it takes in this time. */
  slowReader: { windowBytes: 256 * KB, withinMs: 10 },
  /**
   * What waits of the requests of one connection without keeping its other streams from going on, beside its own
   * window: four first windows of streams. And of all connections.
   */
  maxLentWindowBytes: 256 * KB,
  maxLentWindowsBytes: 4 * MB,
  /** Frames that ask for work and carry nothing: PING, SETTINGS, PRIORITY, empty DATA and the like. */
  controlFrames: { burst: 2_000, perSecond: 100 },
  /** Earned with each frame that carries something: clients acknowledge what they are sent. */
  controlFramesEarned: 4,
  /** Requests that end before their answer, by a reset or a mistake of the client. */
  brokenStreams: { burst: 500, perSecond: 50 },
  /** Heads and control frames that wait for a client that does not read; then nothing more of it is read. */
  maxUnsentBytes: 256 * KB,
  /**
   * Of a client: reads of no more may wait for their turn while its socket goes on. To pause it and to resume it
   * costs six system calls, and a burst of requests is gone before that.
   */
  unpausedBytes: 16 * KB,
  /** While memory is short, a client that has not taken so much is served nothing more before it does. */
  maxUntakenBytes: 512 * KB,
  /** What references to the table may make of a head, beside its own size. */
  maxHeadExpansionBytes: 64 * KB,
  /** How long a client may take to learn that no more requests are wanted (RFC 9113 6.8). */
  goAwayPatienceMs: 1 * SECOND,
  /** Behind the end of a connection: so much is read and thrown away, so that the reason arrives. */
  maxLingerBytes: 256 * KB,
} as const;
