/** One line on a terminal that says what a command waits for; gone when the command has ended. */
import type { Environment } from "../config/paths.ts";
import type { WaitingProgress } from "../control-plane/socket/protocol.ts";
import type { Terminal } from "./context.ts";

const eraseLine = "\r\u001b[K";
const dim = "\u001b[2m";
const plain = "\u001b[0m";

export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #coloured: boolean;
  #shown = false;

  constructor(terminal: Terminal, environment: Environment) {
    this.#terminal = terminal;
    // https://no-color.org: any value but an empty one.
    this.#coloured = !environment["NO_COLOR"];
  }

  show(progress: WaitingProgress): void {
    // A full line would wrap, and could not be erased then.
    const text = shortened(progressText(progress), this.#terminal.columns - 1);
    this.#print(`${eraseLine}${this.#coloured ? `${dim}${text}${plain}` : text}`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) this.#print(eraseLine);
    this.#shown = false;
  }

  /** A terminal that was closed misses the news; the command goes on. */
  #print(text: string): void {
    try {
      this.#terminal.write(text);
    } catch {}
  }
}

export function progressText(progress: WaitingProgress): string {
  const seconds = Math.ceil(progress.remaining_ms / 1_000);
  return `${waitingText(progress)}, ${seconds} s left`;
}

function waitingText(progress: WaitingProgress): string {
  if (progress.waiting_for === "drain") {
    return `Draining ${progress.requests} ${progress.requests === 1 ? "request" : "requests"}`;
  }
  const targets = progress.targets.map(({ target, last_error: error }) =>
    error === null ? target : `${target} (${error})`,
  );
  return `Waiting for ${targets.join(", ")}`;
}

/** Without control characters: what a target answers must not steer the terminal. */
function shortened(text: string, columns: number): string {
  // eslint-disable-next-line no-control-regex
  const characters = [...text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, " ")];
  if (characters.length <= columns) return characters.join("");
  return `${characters.slice(0, Math.max(0, columns - 1)).join("")}…`;
}
