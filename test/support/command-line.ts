/** Runs command lines without a process, a socket or a server. */
import { resolve } from "node:path";
import type { CliContext, Screen } from "../../src/cli/context.ts";
import type { Keyboard } from "../../src/cli/top/keyboard.ts";
import type { Probes } from "../../src/cli/doctor/probes.ts";
import { runProgram } from "../../src/cli/program.ts";
import { CommandError } from "../../src/config/command-error.ts";
import type { Environment } from "../../src/config/paths.ts";
import type { RunOptions } from "../../src/config/run-options.ts";
import type { Command, Progress, Reply } from "../../src/control-plane/socket/protocol.ts";

export const noServer = "dial unix /run/test.sock: connect: no such file or directory";

export interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** The command that was sent, if any. */
  sent: Command | undefined;
  served: RunOptions | undefined;
}

export interface Surroundings {
  environment?: Environment;
  /** Without a reply there is no server. */
  reply?:
    | Reply
    | Error
    | ((command: Command, onProgress?: (progress: Progress) => void) => Reply | Promise<Reply>);
  /** Folder that relative paths begin at. */
  folder?: string;
  /** What is typed when a secret is asked for. */
  secret?: string;
  usableMemoryBytes?: number;
  grantedCores?: number;
  canMakeFolders?: boolean;
  /** Paths that are another user's. */
  ofOthers?: readonly string[];
  /** Stderr is a terminal of so many columns. */
  columns?: number;
  /** Standard output is a terminal. */
  screen?: Screen;
  /** What passes while a command waits; rejects to end it. */
  wait?: () => Promise<void>;
  wallMs?: number;
  keyboard?: Keyboard;
  probes?: Probes;
  /** What the server tells before its reply. */
  progress?: Progress[];
}

export async function runLine(args: string[], around: Surroundings = {}): Promise<Outcome> {
  const outcome: Outcome = {
    exitCode: -1,
    stdout: "",
    stderr: "",
    sent: undefined,
    served: undefined,
  };
  const context: CliContext = {
    environment: { HOME: "/home/me", KAMAL_PROXY_SOCKET: "/run/test.sock", ...around.environment },
    async write(text) {
      outcome.stdout += text;
    },
    async writeError(text) {
      outcome.stderr += text;
    },
    terminal:
      around.columns === undefined
        ? null
        : { columns: around.columns, write: (text) => void (outcome.stderr += text) },
    screen: around.screen ?? null,
    wait: around.wait ?? (async () => {}),
    wallMs: () => around.wallMs ?? 0,
    openKeyboard: async () => around.keyboard ?? null,
    async probes() {
      if (around.probes === undefined) throw new Error("this test has no probes");
      return around.probes;
    },
    readSecret: async () => around.secret ?? "",
    hashPassword: async (password) => `hash of ${password}`,
    async send(socketPath, command, onProgress) {
      outcome.sent = command;
      for (const progress of around.progress ?? []) onProgress?.(progress);
      const reply =
        typeof around.reply === "function" ? await around.reply(command, onProgress) : around.reply;
      if (reply instanceof Error) throw reply;
      if (reply !== undefined) return reply;
      throw new CommandError(`dial unix ${socketPath}: connect: no such file or directory`);
    },
    async serve(options) {
      outcome.served = options;
      return 0;
    },
    saveInput: async (path) => ({ path, settle() {} }),
    absolutePath: (path) => (around.folder === undefined ? path : resolve(around.folder, path)),
    usableMemoryBytes: () => around.usableMemoryBytes ?? 2 ** 33,
    grantedCores: () => around.grantedCores ?? 2,
    belongsToOthers: (path) => around.ofOthers?.includes(path) ?? false,
    makeFolder: () => around.canMakeFolders ?? true,
  };
  outcome.exitCode = await runProgram(args, context);
  return outcome;
}

/** Splits at blanks; quotes group. Enough for the tables of tests. */
export function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2]!);
}
