/** The proxy of the demo: the built executable with a scratch home, a socket and ports of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binaryPath } from "./project.ts";

export class DemoProxy implements AsyncDisposable {
  readonly #home = mkdtempSync(join(tmpdir(), "kamal-proxy-demo-"));
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #errors: Promise<string>;
  readonly metricsPort = anyPort();
  url = "";

  private constructor() {
    const ports = ["--http-port=0", "--https-port=0", `--metrics-port=${this.metricsPort}`];
    this.#child = this.#spawn("run", ...ports);
    this.#errors = this.#child.stderr.text();
  }

  /** Resolves when the proxy takes commands and requests. Somebody else may take the chosen port before it does. */
  static async start(attempts = 5): Promise<DemoProxy> {
    const proxy = new DemoProxy();
    const port = await proxy.#portInLog();
    if (port === null) {
      const reason = (await proxy.#errors).trim();
      await proxy[Symbol.asyncDispose]();
      if (attempts > 1 && reason.includes("address already in use")) {
        return DemoProxy.start(attempts - 1);
      }
      throw new Error(`the proxy ended at its start: ${reason}`);
    }
    proxy.url = `http://127.0.0.1:${port}`;
    return proxy;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get socketPath(): string {
    return join(this.#home, "proxy.sock");
  }

  get ended(): Promise<unknown> {
    return this.#child.exited;
  }

  /** Runs a command to its end; resolves to what it printed. */
  async run(...args: string[]): Promise<string> {
    const child = this.#spawn(...args);
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    if (code !== 0) throw new Error(stderr.trim());
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.exited;
    rmSync(this.#home, { recursive: true, force: true });
  }

  #spawn(...args: string[]): Bun.Subprocess<"ignore", "pipe", "pipe"> {
    return Bun.spawn([binaryPath, ...args], {
      cwd: this.#home,
      env: {
        ...ownVariables(process.env),
        PATH: process.env["PATH"] ?? "",
        HOME: this.#home,
        TMPDIR: this.#home,
        KAMAL_PROXY_SOCKET: this.socketPath,
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  /** The last step of a start is a log line that names the ports; null when the log ends without it. */
  #portInLog(): Promise<number | null> {
    const found = Promise.withResolvers<number | null>();
    void this.#readLog(found.resolve);
    return found.promise;
  }

  /** To its end: a log that nobody reads is a nuisance for who writes it. */
  async #readLog(tell: (port: number | null) => void): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of this.#child.stdout) {
      text += decoder.decode(chunk, { stream: true });
      const port = /"msg":"Server started","http":(\d+)/.exec(text)?.[1];
      if (port !== undefined) tell(Number(port));
      text = text.slice(text.lastIndexOf("\n") + 1);
    }
    tell(null);
  }
}

/** A port that nobody listens on: the one for metrics can't be left to the proxy, 0 means none. */
function anyPort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.stop(true);
  return listener.port;
}

/** What is set for the proxy is meant for this one, too. */
function ownVariables(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = Object.entries(environment).filter(([name]) => name.startsWith("KAMAL_PROXY_"));
  return Object.fromEntries(own);
}
