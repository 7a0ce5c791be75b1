/**
 * Before an executable takes over it has to show, as a child, that it could: that it runs here, what it is,
 * and that it can read what would be handed over.
 */
import { closeSync, readFileSync, writeSync } from "node:fs";
import { CommandError } from "../../config/command-error.ts";
import { maxRehearsalOutputBytes, rehearsalTimeoutMs } from "../../config/worker-limits.ts";
import type { Clock } from "../../lib/clock.ts";
import { codeOf } from "../../lib/error-text.ts";
import { openNamelessFile } from "../../net/nameless-file.ts";
import { decodeState } from "../state/state-file.ts";
import { type Handover, parseHandover, seamVersion } from "./handover.ts";

/** Where the child finds what would be handed over. */
export const rehearsalFd = 3;

interface Rehearsed {
  readyFor: "kamal-proxy";
  version: string;
}

/** The child's part: what it prints when it could take over. Throws when it could not, with the reason. */
export function rehearse(version: string): string {
  const handover = parseHandover(readFileSync(rehearsalFd, "utf8"));
  if (handover.seamVersion !== seamVersion) {
    throw new Error(`it can't speak with the workers of version ${handover.version}`);
  }
  decodeState(handover.state);
  const rehearsed: Rehearsed = { readyFor: "kamal-proxy", version };
  return `${JSON.stringify(rehearsed)}\n`;
}

/** The version at the path. Throws a CommandError in one sentence when it could not take over. */
export async function rehearseWith(
  path: string,
  args: readonly string[],
  handover: Handover,
  folder: string,
  clock: Clock,
): Promise<string> {
  const fd = namelessFile(folder, JSON.stringify(handover));
  try {
    return readRehearsed(path, await run(path, args, fd, clock));
  } finally {
    closeSync(fd);
  }
}

/** A file with that content that has no name, read from its beginning. */
export function namelessFile(folder: string, content: string): number {
  const fd = openNamelessFile(folder);
  const bytes = Buffer.from(content);
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(fd, bytes, written, bytes.length - written, written);
  }
  return fd;
}

async function run(
  path: string,
  args: readonly string[],
  fd: number,
  clock: Clock,
): Promise<{ code: number | null; output: string; error: string }> {
  let child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  try {
    child = Bun.spawn([path, ...args], {
      stdio: ["ignore", "pipe", "pipe", fd],
    });
  } catch (error) {
    throw new CommandError(`${path} can't be run: ${runFaults[codeOf(error)] ?? codeOf(error)}`);
  }
  const over = Promise.withResolvers<null>();
  const end = (): void => {
    child.kill("SIGKILL");
    // What it has started may keep its output open.
    over.resolve(null);
  };
  const timer = clock.after(rehearsalTimeoutMs, end);
  const outputs = [child.stdout, child.stderr].map((stream) => textOf(stream, over.promise, end));
  const [output = "", error = ""] = await Promise.all(outputs);
  await child.exited;
  timer.cancel();
  return { code: child.exitCode, output, error };
}

/** What comes until the end of the stream or until `over`; `end` is called for more than is ever said. */
async function textOf(
  stream: ReadableStream<Uint8Array>,
  over: Promise<null>,
  end: () => void,
): Promise<string> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let room = maxRehearsalOutputBytes;
  for (;;) {
    const part = await Promise.race([reader.read(), over]);
    if (part === null || part.done) break;
    chunks.push(part.value);
    room -= part.value.length;
    if (room < 0) end();
  }
  void reader.cancel();
  return Buffer.concat(chunks).toString();
}

const runFaults: Readonly<Record<string, string>> = {
  ENOENT: "no such file, or not what it needs to run",
  EACCES: "permission denied",
  ENOEXEC: "it is no executable for this machine",
  ENOTDIR: "not a directory",
};

function readRehearsed(
  path: string,
  { code, output, error }: { code: number | null; output: string; error: string },
): string {
  if (code === 0) {
    try {
      const { readyFor, version } = JSON.parse(output) as Partial<Rehearsed>;
      if (readyFor === "kamal-proxy" && typeof version === "string") return version;
    } catch {
      // Some other program, which found its arguments good enough.
    }
    throw new CommandError(`${path} is no kamal-proxy that can take over`);
  }
  const reason =
    error
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^Error: /, "") ?? "";
  const ended =
    code === null
      ? "it was ended by a signal, took too long or said too much"
      : `exit code ${code}`;
  throw new CommandError(`${path} can't take over: ${reason === "" ? ended : reason}`);
}
