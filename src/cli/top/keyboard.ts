/** Keys of a terminal, one at a time, without Enter. */
import { systemClock } from "../../lib/clock.ts";
import { keysIn } from "./view.ts";

export interface Keyboard {
  /** The next key; null when the time is over first, or the screen has another size. */
  next(withinMs: number): Promise<string | null>;
  close(): void;
}

/** Null when standard input is no terminal. */
export function openKeyboard(): Keyboard | null {
  const { stdin } = process;
  if (!stdin.isTTY) return null;
  const waiting: string[] = [];
  let wake: (() => void) | null = null;
  let isResized = false;
  const onData = (bytes: Buffer): void => {
    waiting.push(...keysIn(bytes.toString()));
    wake?.();
  };
  const onResize = (): void => {
    isResized = true;
    wake?.();
  };
  // The screen has to be put in order also when somebody ends it.
  const onSignal = (): void => {
    waiting.push("q");
    wake?.();
  };
  stdin.setRawMode(true);
  stdin.on("data", onData);
  process.on("SIGWINCH", onResize);
  process.on("SIGTERM", onSignal);
  process.on("SIGHUP", onSignal);
  return {
    async next(withinMs) {
      if (waiting.length === 0 && !isResized) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = systemClock.after(withinMs, () => resolve());
        await promise;
        timer.cancel();
      }
      isResized = false;
      return waiting.shift() ?? null;
    },
    close() {
      stdin.setRawMode(false);
      stdin.off("data", onData);
      stdin.pause();
      process.off("SIGWINCH", onResize);
      process.off("SIGTERM", onSignal);
      process.off("SIGHUP", onSignal);
    },
  };
}
