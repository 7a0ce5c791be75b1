/** Limits and times of the processes that serve: their number, their death, their replacement. */

const KB = 1024;
const MB = 1024 * KB;
const SECOND = 1_000;

/**
 * Lines of a worker wait this long at most before they go to the primary, which writes them at once: what a crash may
 * lose. Handing them over wakes both processes, which costs as much as a request.
 */
export const workerLogIntervalMs = 50;

/** Processes that serve. */
export const maxWorkers = 16;
/** One message between the primary and a worker; a snapshot of 5,000 services has 10 MB. */
export const maxChannelMessageBytes = 256 * MB;
/** A worker that has not answered by then is ended and replaced. */
export const workerAnswerTimeoutMs = 10 * SECOND;
/** Each is asked this often whether it still answers, where nothing else is fetched. */
export const workerWatchIntervalMs = 5 * SECOND;
/** What a worker counted is fetched this often, and not lost when it dies. */
export const workerMetricsIntervalMs = 1 * SECOND;
/** Deaths in this time count together; so many of them are answered at once, more with pauses that double. */
export const workerDeathMemoryMs = 60 * SECOND;
export const promptWorkerRestarts = 3;
export const workerRestartPauseMs = 100;
export const maxWorkerRestartPauseMs = 30 * SECOND;
/** What a new executable has to show that it can take over. */
export const rehearsalTimeoutMs = 10 * SECOND;
/** One that says more is another program. */
export const maxRehearsalOutputBytes = 64 * KB;
/** How long an upgrade waits for orders of certificates that are under way. */
export const upgradeOrderWaitMs = 30 * SECOND;
/** How often it is looked whether a child of an earlier executable is gone. */
export const reapIntervalMs = 50;
/** How long workers that are told to end may take to write their last lines. */
export const workerEndTimeoutMs = 1 * SECOND;

/** How long the ports stay open after SIGTERM while requests are under way, and how often that is looked at. */
export const leavingTimeoutMs = 6 * SECOND;
export const leavingIntervalMs = 25;
/** How long connections without a request are kept in a worker that was replaced: some ask just then. */
export const idleGraceMs = 2 * SECOND;
/** How long those may take to ask who have connected to a worker that is replaced, and how often that is looked at. */
export const freshGraceMs = 15 * SECOND;
export const freshIntervalMs = 50;
/** The same at a stop, where nobody would be refused instead. */
export const acceptedGraceMs = 2 * SECOND;
