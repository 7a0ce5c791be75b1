/** The entry of the binary: hands the process to the command line. */
import { fstatSync, lstatSync, mkdirSync, readdirSync, readlinkSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isatty } from "node:tty";
import type { CliContext } from "./cli/context.ts";
import { runProgram } from "./cli/program.ts";
import { productVersion } from "./cli/version.ts";
import { rehearsalCommand, settleEngine, workerCommand } from "./engine-environment.ts";
import { handedDescriptors } from "./control-plane/workers/handed-sockets.ts";
import { executeInPlace, keepAcross } from "./net/execute-in-place.ts";
import { holdSignals } from "./net/signal-gate.ts";
import { openLibc } from "./net/libc.ts";
import { channelFd } from "./seam/channel-end.ts";
import { systemClock } from "./lib/clock.ts";
import { codeOf, messageOf } from "./lib/error-text.ts";
import { grantedCores } from "./lib/granted-cores.ts";
import { saveInput } from "./lib/input-file.ts";
import { readSecretLine } from "./lib/secret-input.ts";
import { usableMemoryBytes } from "./lib/usable-memory.ts";

/** What a shell shows for a program that SIGPIPE has ended. */
const brokenPipeExitCode = 141;

const context: CliContext = {
  environment: process.env,
  terminal:
    isatty(2) && process.env["TERM"] !== "dumb"
      ? {
          columns: process.stderr.columns || 80,
          write: (text) => void writeSync(2, text),
        }
      : null,
  screen:
    isatty(1) && process.env["TERM"] !== "dumb"
      ? {
          get columns() {
            return process.stdout.columns || 80;
          },
          get rows() {
            return process.stdout.rows || 24;
          },
        }
      : null,
  wait: (durationMs) =>
    new Promise((resolve) => void systemClock.after(durationMs, () => resolve())),
  wallMs: () => systemClock.wallMs(),
  openKeyboard: async () => (await import("./cli/top/keyboard.ts")).openKeyboard(),
  probes: async () => (await import("./cli/doctor/system-probes.ts")).systemProbes,
  async write(text) {
    await print(1, text);
  },
  async writeError(text) {
    await print(2, text);
  },
  readSecret: (prompt) => readSecretLine(prompt, (text) => print(2, text)),
  async hashPassword(password) {
    const { hashOfPassword } = await import("./access/system-passwords.ts");
    return await hashOfPassword(password);
  },
  // Loaded when they are used: a client command must not pay for the server.
  async send(socketPath, command, onProgress) {
    const { sendCommand } = await import("./control-plane/socket/client.ts");
    return sendCommand(socketPath, command, onProgress);
  },
  saveInput: (path) => saveInput(Bun.stdin.stream(), path),
  absolutePath: (path) => resolve(path),
  async serve(options) {
    settleEngine(process.env, usableMemoryBytes(), startOnceMore);
    const { runServer } = await import("./control-plane/server.ts");
    return runServer(options);
  },
  usableMemoryBytes,
  grantedCores,
  belongsToOthers(path) {
    try {
      // Nothing keeps root out of anywhere.
      return ![0, process.getuid!()].includes(lstatSync(path).uid);
    } catch {
      return false;
    }
  },
  makeFolder(path) {
    try {
      // Of a link that leads nowhere yet the folder that it names is made.
      const link = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
      const folder = link ? resolve(dirname(path), readlinkSync(path)) : path;
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      return true;
    } catch {
      return false;
    }
  },
};

void run(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));

async function run(args: readonly string[]): Promise<number> {
  if (args[0] === rehearsalCommand) return await rehearseUpgrade();
  if (args[0] !== workerCommand) return await runProgram(args, context);
  if (!isSocket(channelFd)) {
    await context.writeError("Error: worker is a part of run, which starts it by itself\n");
    return 1;
  }
  const { runWorker } = await import("./data-plane/worker-process.ts");
  return await runWorker();
}

async function rehearseUpgrade(): Promise<number> {
  const { rehearse } = await import("./control-plane/upgrade/rehearsal.ts");
  try {
    await context.write(rehearse(productVersion));
    return 0;
  } catch (error) {
    await context.writeError(`Error: ${messageOf(error)}\n`);
    return 1;
  }
}

/**
 * With signals held back, so that all threads of the engine do so from their start (`SignalGate`), and with nothing
 * open but the sockets that were handed in: only the system's own call can do that.
 */
function startOnceMore(path: string, command: readonly string[], env: NodeJS.ProcessEnv): void {
  const libc = openLibc();
  if (libc === null) {
    process.execve?.(path, [...command], env);
    return;
  }
  const handed = handedDescriptors(env, process.pid);
  for (const fd of openDescriptors()) keepAcross(libc, fd, handed.includes(fd));
  holdSignals(libc, true);
  executeInPlace(libc, path, command, env);
  holdSignals(libc, false);
}

/** All but the standard ones. */
function openDescriptors(): number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => fd > 2);
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}

/** Bun.write empties a regular file for an empty text, and leaves a hole in one that is appended to. */
async function print(fd: 1 | 2, text: string): Promise<void> {
  try {
    if (!fstatSync(fd).isFile()) {
      await Bun.write(fd === 1 ? Bun.stdout : Bun.stderr, text);
      return;
    }
    const bytes = Buffer.from(text);
    for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
  } catch (error) {
    // `list | head` has read enough: that is no error to tell of.
    if (codeOf(error) === "EPIPE") process.exit(brokenPipeExitCode);
    throw error;
  }
}
