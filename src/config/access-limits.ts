/** Limits of the policies that say who may use a service. */

const KB = 1024;
const MB = 1024 * KB;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Memory for what is counted by client (or other key), of all services together: 524,288 of them, 13 bytes each. */
export const rateMemoryBytes = 6.5 * MB;

/** Memory for the connections of clients (--max-connections-per-ip): of more than 65,536 at once some are not counted. */
export const connectionMemoryBytes = 65_536 * 36;
export const maxConnectionsPerClient = 65_535;

/** Passwords that are checked at once in one process, and that wait for it. */
export const maxPasswordChecks = 2;
export const maxWaitingPasswordChecks = 64;
/** Wrong passwords of one client: ten at once, then one each 6 s. */
export const passwordAttempts = { burst: 10, intervalMs: 6 * SECOND } as const;
/** How long a right one is remembered, and how many. */
export const passwordMemoryMs = 5 * MINUTE;
export const maxRememberedPasswords = 10_000;

/** Questions of one --forward-auth that are under way at once in one process, and requests that wait to ask. */
export const maxAuthQuestions = 128;
export const maxWaitingAuthQuestions = 1_000;
/** Body of its answer that a client gets. */
export const maxAuthBodyBytes = 1 * MB;
/** Body of an answer that lets a request pass: read and forgotten, so that the connection can be used again. */
export const maxAuthLeftoverBytes = 64 * KB;
/** Answers that are used again, of one --forward-auth: so many, so large, and at the most for so long. */
export const maxRememberedAuthAnswers = 1_000;
export const maxRememberedAuthBytes = 4 * KB;
export const maxAuthMemoryMs = 60 * MINUTE;

/** Requests that wait for --max-in-flight of one service, in one process; more are answered 503 at once. */
export const maxQueuedRequests = 1_000;
/** Of User-Agent, that are held against patterns. */
export const maxUserAgentBytes = 4 * 1024;
