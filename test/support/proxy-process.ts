/** The real proxy as a process of its own: scratch home, own socket, free ports, real command line. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { settledEnvironment } from "../../src/engine-environment.ts";
import { usableMemoryBytes } from "../../src/lib/usable-memory.ts";
import { sendCommand } from "../../src/control-plane/socket/client.ts";
import { runLine } from "./command-line.ts";
import { freePorts, releasePorts } from "./free-ports.ts";
import { tempFolder, type TempFolder } from "./temp-folder.ts";
import { waitFor, within } from "./wait-for.ts";
import { childrenOf, descriptorsOf, signalAll } from "./worker-processes.ts";

const projectFolder = join(import.meta.dir, "..", "..");
const compiledBinary = join(projectFolder, "dist", "kamal-proxy");
const engineSettings = Object.fromEntries(
  Object.entries(settledEnvironment({}, usableMemoryBytes()) ?? {}).map(([name, value = ""]) => [
    name,
    value,
  ]),
);

export interface ProxyProcessOptions {
  /** More arguments of `run`. */
  args?: string[];
  /** More environment of `run` and of the client commands. */
  env?: Record<string, string>;
  /** File descriptors that the proxy may have open. */
  maxDescriptors?: number;
  /** Command that executes the proxy, which is appended, in its own place. */
  launcher?: string[];
  /** Descriptors that it finds open, from 3 on. */
  inherited?: readonly number[];
  /** False leaves `--metrics-port` out. */
  metrics?: boolean;
  /** False: nobody reads the log, as for a measurement that the reading would disturb. */
  logs?: boolean;
}

/** The environment of a proxy whose workers have to act together; else there is one, to spare the machine. */
export const severalWorkers = { KAMAL_PROXY_WORKERS: "2" } as const;

/** The environment of a proxy that has to clear its own, and starts once more for it, as anywhere but in tests. */
export const startsOnceMore = { NODE_OPTIONS: "" } as const;

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

export type LogLine = Record<string, unknown>;

/**
 * The compiled binary; with KAMAL_PROXY_TEST_SOURCE set, the sources; with KAMAL_PROXY_TEST_BINARY, another
 * binary with the same command line.
 */
export function proxyCommand(): string[] {
  const other = process.env["KAMAL_PROXY_TEST_BINARY"];
  if (other) return [other];
  if (process.env["KAMAL_PROXY_TEST_SOURCE"]) {
    return [process.execPath, join(projectFolder, "src", "main.ts")];
  }
  if (!existsSync(compiledBinary)) {
    throw new Error("dist/kamal-proxy is missing: run `bun run build` first");
  }
  return [compiledBinary];
}

/** The command line of another binary is not that of the sources. */
function testsOurBinary(): boolean {
  return !process.env["KAMAL_PROXY_TEST_BINARY"];
}

export class ProxyProcess implements AsyncDisposable {
  readonly #options: ProxyProcessOptions;
  readonly #folder: TempFolder;
  #child: Bun.Subprocess<"ignore", "pipe" | "ignore", "pipe"> | null = null;
  #outputEnded: Promise<unknown> = Promise.resolve();
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly metricsPort: number;
  /** Lines of stdout that are JSON, of this start and earlier ones. */
  readonly logs: LogLine[] = [];
  /** Everything else that was written to stdout or stderr. */
  output = "";
  /** Of one that is from a pool. */
  giveBack: (() => Promise<void>) | null = null;
  #forgotten = 0;

  private constructor(options: ProxyProcessOptions) {
    this.#options = options;
    this.#folder = tempFolder();
    [this.httpPort = 0, this.httpsPort = 0, this.metricsPort = 0] = freePorts(3);
  }

  /** Resolves when the proxy takes commands and requests. */
  static async start(options: ProxyProcessOptions = {}): Promise<ProxyProcess> {
    const proxy = new ProxyProcess(options);
    try {
      await proxy.#start();
    } catch (error) {
      await proxy[Symbol.asyncDispose]();
      throw error;
    }
    return proxy;
  }

  /** One that has its ports and its home, and is not started yet. */
  static prepare(options: ProxyProcessOptions = {}): ProxyProcess {
    return new ProxyProcess(options);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Scratch HOME of the proxy. */
  get home(): string {
    return this.#folder.path;
  }

  get socketPath(): string {
    return this.#folder.file("proxy.sock");
  }

  /** Temporary directory of the proxy: buffered bodies spill here. */
  get spillPath(): string {
    return this.#folder.path;
  }

  get statePath(): string {
    return this.#folder.file(".config/kamal-proxy/kamal-proxy.state");
  }

  get url(): string {
    return `http://127.0.0.1:${this.httpPort}`;
  }

  /** Environment of the proxy and its client commands: nothing of the test's own comes along. */
  get env(): Record<string, string> {
    return {
      // `run` need not start itself once more for it.
      ...engineSettings,
      PATH: process.env["PATH"] ?? "",
      HOME: this.home,
      TMPDIR: this.spillPath,
      KAMAL_PROXY_SOCKET: this.socketPath,
      KAMAL_PROXY_WORKERS: "1",
      ...this.#options.env,
    };
  }

  /** Runs a client command as a process of its own, to its end: where that is what is tested. */
  async run(...args: string[]): Promise<CommandResult> {
    const child = Bun.spawn([...proxyCommand(), ...args], {
      cwd: this.home,
      env: this.env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    return { code, stdout, stderr };
  }

  /** `deploy`, which must succeed. */
  async deploy(service: string, target: string, ...flags: string[]): Promise<void> {
    const result = await this.runHere("deploy", service, `--target=${target}`, ...flags);
    if (result.code !== 0) throw new Error(`deploy ${service} failed: ${result.stderr.trim()}`);
  }

  /** Runs a client command in the test's own process, which asks the proxy the same and spares a start of Bun. */
  async runHere(...args: string[]): Promise<CommandResult> {
    if (!testsOurBinary()) return await this.run(...args);
    const { exitCode, stdout, stderr } = await runLine(args, {
      environment: this.env,
      folder: this.home,
      reply: (command, onProgress) => sendCommand(this.socketPath, command, onProgress),
    });
    return { code: exitCode, stdout, stderr };
  }

  /** The first log line that matches, as soon as there is one. A text matches the `msg` of a line. */
  async waitForLog(match: string | ((line: LogLine) => boolean)): Promise<LogLine> {
    const matches =
      typeof match === "string" ? (line: LogLine): boolean => line["msg"] === match : match;
    const what = typeof match === "string" ? `log line "${match}"` : `a log line: ${match}`;
    return await waitFor(() => this.logs.find(matches), what);
  }

  /** The proxy and its workers. */
  get pids(): number[] {
    return [this.pid, ...childrenOf(this.pid)];
  }

  /** What the descriptors of all its processes are. */
  descriptors(): string[] {
    return this.pids.flatMap(descriptorsOf);
  }

  /** Memory of all its processes in bytes; what they share counts once. */
  async residentBytes(): Promise<number> {
    const maps = await Promise.all(
      this.pids.map((pid) =>
        Bun.file(`/proc/${pid}/smaps_rollup`)
          .text()
          .catch(() => ""),
      ),
    );
    return maps
      .map((map) => Number(/^Pss:\s+(\d+) kB$/m.exec(map)?.[1] ?? 0) * 1024)
      .reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Stops its processes for a time, as a snapshot of its machine does. */
  async freeze(durationMs: number): Promise<void> {
    const { pids } = this;
    signalAll(pids, "SIGSTOP");
    await Bun.sleep(durationMs);
    signalAll(pids, "SIGCONT");
  }

  /** Ends the process and resolves to its exit code, null when a signal ended it. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    child.kill(signal);
    await within(child.exited, `the proxy to end after ${signal}`, 30_000);
    await this.#outputEnded;
    return child.signalCode === null ? child.exitCode : null;
  }

  /** Starts with the same home, socket and ports as before `stop` or a crash, or for the first time. */
  async startAgain(): Promise<void> {
    if (this.running) throw new Error("the proxy is still running");
    await this.#start();
  }

  /** Ends it, or gives it back to the pool that it is from. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (this.giveBack === null ? this.end() : this.giveBack());
  }

  /**
   * Removes all services, waits until the last lines of their requests are in the log, and forgets the log.
   * False when it does not run any more.
   */
  async forget(): Promise<boolean> {
    if (!this.running) return false;
    const reply = await sendCommand(this.socketPath, { command: "list" });
    if (!reply.ok) throw new Error(`list failed: ${reply.error}`);
    for (const name of Object.keys(reply.services ?? {})) await this.runHere("remove", name);
    const path = `/forget-${++this.#forgotten}`;
    await fetch(this.url + path);
    await this.waitForLog((line) => line["path"] === path);
    this.logs.length = 0;
    this.output = "";
    return true;
  }

  async end(): Promise<void> {
    if (this.running) await this.stop("SIGKILL");
    releasePorts([this.httpPort, this.httpsPort, this.metricsPort]);
    this.#folder[Symbol.dispose]();
  }

  async #start(): Promise<void> {
    this.#spawn();
    await this.#ready();
  }

  #spawn(): void {
    const ports = [`--http-port=${this.httpPort}`, `--https-port=${this.httpsPort}`];
    if (this.#options.metrics !== false) ports.push(`--metrics-port=${this.metricsPort}`);
    const command = [...proxyCommand(), "run", ...ports, ...(this.#options.args ?? [])];
    const { maxDescriptors, launcher = [], inherited = [], logs = true } = this.#options;
    const limit = ["sh", "-c", `ulimit -n ${maxDescriptors}; exec "$@"`, "sh"];
    const child = Bun.spawn(
      [...launcher, ...(maxDescriptors === undefined ? [] : limit), ...command],
      {
        cwd: this.home,
        env: this.env,
        stdio: ["ignore", logs ? "pipe" : "ignore", "pipe", ...inherited],
      },
    );
    this.#child = child;
    this.#outputEnded = Promise.all([
      child.stdout === undefined ? null : eachLine(child.stdout, (line) => this.#collect(line)),
      eachLine(child.stderr, (line) => this.#collect(line)),
    ]);
  }

  /** The control socket is the last thing that the proxy opens. */
  async #ready(): Promise<void> {
    await waitFor(async () => {
      if (!this.running) return true;
      const socket = await Bun.connect({ unix: this.socketPath, socket: { data() {} } });
      socket.end();
      return true;
    }, "the proxy to start");
    if (!this.running) {
      await this.#outputEnded;
      throw new Error(`the proxy ended at its start: ${this.output.trim()}`);
    }
  }

  #collect(line: string): void {
    if (line.startsWith("{")) {
      try {
        this.logs.push(JSON.parse(line) as LogLine);
        return;
      } catch {
        // Not JSON after all.
      }
    }
    this.output += `${line}\n`;
  }
}

async function eachLine(
  stream: ReadableStream<Uint8Array>,
  take: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  }
  if (rest !== "") take(rest);
}
