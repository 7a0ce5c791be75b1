/** Limits of the policies that say who may use a service. */

const MB = 1024 * 1024;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Memory for what is counted by client (or other key), of all services together: 524,288 of them. */
export const rateMemoryBytes = 6 * MB;

/** Passwords that are checked at once in one process, and that wait for it. */
export const maxPasswordChecks = 2;
export const maxWaitingPasswordChecks = 64;
/** Wrong passwords of one client: ten at once, then one each 6 s. */
export const passwordAttempts = { burst: 10, intervalMs: 6 * SECOND } as const;
/** How long a right one is remembered, and how many. */
export const passwordMemoryMs = 5 * MINUTE;
export const maxRememberedPasswords = 10_000;

/** Requests that wait for --max-in-flight of one service, in one process; more are answered 503 at once. */
export const maxQueuedRequests = 1_000;
/** Of User-Agent, that are held against patterns. */
export const maxUserAgentBytes = 4 * 1024;
