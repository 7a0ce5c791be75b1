/** What a command may touch, handed in so that commands run in tests without a process. */
import type { Environment } from "../config/paths.ts";
import type { RunOptions } from "../config/run-options.ts";
import type { InputFile } from "../lib/input-file.ts";
import type { Keyboard } from "./top/keyboard.ts";
import type { Probes } from "./doctor/probes.ts";
import type { Command, Progress, Reply } from "../control-plane/socket/protocol.ts";

export interface Terminal {
  columns: number;
  write(text: string): void;
}

/** Standard output where it is a terminal. */
export interface Screen {
  /** As it is now. */
  readonly columns: number;
  readonly rows: number;
}

export interface CliContext {
  environment: Environment;
  write(text: string): Promise<void>;
  writeError(text: string): Promise<void>;
  /** Where progress is shown; null when stderr is none that can be rewritten. */
  terminal: Terminal | null;
  /** Null when it goes to a file or a pipe. */
  screen: Screen | null;
  wait(durationMs: number): Promise<void>;
  wallMs(): number;
  /** Null when standard input is no terminal. */
  openKeyboard(): Promise<Keyboard | null>;
  /** Loaded when they are used. */
  probes(): Promise<Probes>;
  /** A line that is not shown where it is typed, else the first line of standard input. */
  readSecret(prompt: string): Promise<string>;
  /** As `--basic-auth` takes it. */
  hashPassword(password: string): Promise<string>;
  /** Sends one command to the running proxy. */
  send(
    socketPath: string,
    command: Command,
    onProgress?: (progress: Progress) => void,
  ): Promise<Reply>;
  /** Writes standard input into an executable file at the path. */
  saveInput(path: string): Promise<InputFile>;
  absolutePath(path: string): string;
  /** Runs the proxy until it is stopped; resolves with the exit code. */
  serve(options: RunOptions): Promise<number>;
  /** The memory that the proxy may use. */
  usableMemoryBytes(): number;
  /** Cores that the process may use. */
  grantedCores(): number;
  /** Makes the folder if need be; false when that cannot be done. */
  makeFolder(path: string): boolean;
  /** It is there, and another user's. */
  belongsToOthers(path: string): boolean;
}
