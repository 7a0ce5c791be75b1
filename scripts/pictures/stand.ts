/** A proxy with a few apps and visitors, for pictures of what is seen of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binaryPath } from "../project.ts";

interface StandApp {
  address: string;
  isHealthy: boolean;
  /** Of its answers, those with 500. */
  failingShare: number;
  stop(): void;
}

export class Stand implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "kamal-proxy-pictures-"));
  readonly #apps: StandApp[] = [];
  readonly #ending = new AbortController();
  readonly #visits: Promise<void>[] = [];
  #proxy: Bun.Subprocess | null = null;
  #httpPort = 0;
  statusPort = 0;

  static async start(): Promise<Stand> {
    const stand = new Stand();
    stand.#httpPort = freePort();
    stand.statusPort = freePort();
    stand.#proxy = Bun.spawn(
      [binaryPath, "run", `--http-port=${stand.#httpPort}`, `--https-port=${freePort()}`],
      {
        env: { ...stand.env, KAMAL_PROXY_STATUS_PORT: String(stand.statusPort) },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "inherit",
      },
    );
    while ((await stand.run("list")) !== 0) await Bun.sleep(50);
    return stand;
  }

  get env(): Record<string, string> {
    return {
      PATH: process.env["PATH"] ?? "",
      TERM: "xterm-256color",
      HOME: this.folder,
      TMPDIR: this.folder,
      KAMAL_PROXY_SOCKET: join(this.folder, "sock"),
    };
  }

  async run(...args: string[]): Promise<number> {
    const child = Bun.spawn([binaryPath, ...args], {
      env: this.env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    return await child.exited;
  }

  /** Answers as a real app would: most at once, a few late, some not found, some moved. */
  app(usualMs: number): StandApp {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/up") return new Response("up", { status: app.isHealthy ? 200 : 503 });
        const dice = Math.random();
        await Bun.sleep(usualMs * (dice > 0.97 ? 9 : dice > 0.8 ? 3 : 0.6 + dice));
        if (Math.random() < app.failingShare) return new Response("failed", { status: 500 });
        if (dice < 0.03) return new Response("not found", { status: 404 });
        if (dice < 0.07) return Response.redirect("/", 302);
        return new Response("hello\n".repeat(200 + Math.floor(dice * 2_000)));
      },
    });
    const app: StandApp = {
      address: `127.0.0.1:${server.port}`,
      isHealthy: true,
      failingShare: 0,
      stop: () => void server.stop(true),
    };
    this.#apps.push(app);
    return app;
  }

  async deploy(
    service: string,
    host: string,
    apps: StandApp[],
    ...flags: string[]
  ): Promise<number> {
    const targets = apps.map(({ address }) => `--target=${address}`);
    const checks = ["--health-check-interval=500ms", "--deploy-timeout=3s"];
    return await this.run("deploy", service, `--host=${host}`, ...targets, ...checks, ...flags);
  }

  /** So many visitors who ask again after a pause. */
  visit(host: string, path: string, visitors: number, pauseMs: number): void {
    for (let i = 0; i < visitors; i++) this.#visits.push(this.#visitor(host, path, pauseMs));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#visits);
    this.#proxy?.kill("SIGKILL");
    await this.#proxy?.exited;
    for (const app of this.#apps) app.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #visitor(host: string, path: string, pauseMs: number): Promise<void> {
    while (!this.#ending.signal.aborted) {
      try {
        const url = `http://127.0.0.1:${this.#httpPort}${path}`;
        await (await fetch(url, { headers: { Host: host }, redirect: "manual" })).bytes();
      } catch {
        // A visitor comes again.
      }
      // Busy and calm times take turns.
      const tide = 1 + 0.5 * Math.sin(performance.now() / 9_000);
      await Bun.sleep(pauseMs * tide * (0.5 + Math.random()));
    }
  }
}

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
