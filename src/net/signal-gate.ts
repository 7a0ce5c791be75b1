/**
 * Whether signals arrive or wait in the kernel, where they outlast a change of the executable. Handlers run in any
 * thread that does not hold signals back, and the engine starts threads when it likes, with the mask of whoever
 * starts them. So all hold them back but one that does nothing else, and ends when the gate closes. (The engine
 * lets them in while it waits for events, but not while there are some.)
 */
import { constants } from "node:os";
import { ptr } from "bun:ffi";
import type { Libc } from "./libc.ts";
import { WaitingThread } from "./waiting-thread.ts";

/** SIG_BLOCK, SIG_UNBLOCK */
const block = 0;
const unblock = 1;
/** Of a `sigset_t` of the C library. */
const signalSetBytes = 128;
/** What the proxy is told by signals. */
const heldSignals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** In the thread that calls, in those that it starts from now on, and in the next executable. */
export function holdSignals(libc: Libc, holds: boolean): void {
  const set = Buffer.alloc(signalSetBytes);
  for (const name of heldSignals) {
    const bit = constants.signals[name] - 1;
    set[bit >> 3]! |= 1 << (bit & 7);
  }
  libc.sigprocmask(holds ? block : unblock, ptr(set), null);
}

export class SignalGate {
  readonly #libc: Libc;
  #thread: WaitingThread | null = null;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** To be called when all of them have handlers, and when the gate is closed. */
  open(): void {
    holdSignals(this.#libc, false);
    this.#thread = WaitingThread.start();
    // Without the thread they arrive here.
    if (this.#thread !== null) holdSignals(this.#libc, true);
  }

  /** Resolves when whatever came before has been told to its handlers. */
  async close(): Promise<void> {
    this.#thread?.end();
    this.#thread = null;
    holdSignals(this.#libc, true);
    for (let turn = 0; turn < 2; turn++) {
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
  }
}

/** Resolves at the next SIGTERM or SIGINT. */
export function nextSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once("SIGTERM", resolve);
  process.once("SIGINT", resolve);
  return promise;
}
