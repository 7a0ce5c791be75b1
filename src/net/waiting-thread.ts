/** A thread of the system beside those of the engine, which does nothing but wait until it is to end. */
import { type Pointer, ptr } from "bun:ffi";
import { openThreads, type Threads } from "./libc.ts";

/** Of a `pthread_mutex_t`, which has 48 bytes at most; all zeros is one that nobody has locked. */
const mutexBytes = 64;

export class WaitingThread {
  readonly #threads: Threads;
  /** Locked here; to lock it as well is all that the thread does. */
  readonly #mutex = new Uint8Array(mutexBytes);
  readonly #id = new BigUint64Array(1);

  private constructor(threads: Threads) {
    this.#threads = threads;
  }

  /** Null where there can't be one. Signals that are held back in the thread that calls are so in it, too. */
  static start(): WaitingThread | null {
    const threads = openThreads();
    if (threads === null) return null;
    const { pthread_create: create, pthread_mutex_lock: lock } = threads;
    // Bun's types leave it out.
    const { ptr: lockAddress } = lock as { ptr?: Pointer };
    if (lockAddress === undefined) return null;
    const thread = new WaitingThread(threads);
    lock(ptr(thread.#mutex));
    const failure = create(ptr(thread.#id), null, lockAddress, ptr(thread.#mutex));
    return failure === 0 ? thread : null;
  }

  /** Returns when it has ended; to be called once. */
  end(): void {
    this.#threads.pthread_mutex_unlock(ptr(this.#mutex));
    this.#threads.pthread_join(this.#id[0]!, null);
  }
}
