/** Redis (Debian's package redis-server) of a test: in memory, on a port of its own. */
import { freePorts } from "./free-ports.ts";
import { tempFolder } from "./temp-folder.ts";
import { waitFor } from "./wait-for.ts";

export const redisPath = Bun.which("redis-server", { PATH: `${process.env["PATH"]}:/usr/sbin` });

export class RedisServer implements AsyncDisposable {
  readonly port = freePorts(1)[0]!;
  readonly #folder = tempFolder();
  readonly #password: string;
  #child: Bun.Subprocess<"ignore", "ignore", "ignore"> | null = null;

  private constructor(password: string) {
    this.#password = password;
  }

  static async start(password = ""): Promise<RedisServer> {
    const server = new RedisServer(password);
    await server.startAgain();
    return server;
  }

  get url(): string {
    const credentials = this.#password === "" ? "" : `:${this.#password}@`;
    return `redis://${credentials}127.0.0.1:${this.port}/2`;
  }

  /** All of it, as `redis-cli` would show it. */
  async dump(): Promise<Map<string, string>> {
    const client = new Bun.RedisClient(this.url);
    try {
      await client.connect();
      const keys = await client.keys("*");
      const values = await Promise.all(keys.map((key) => client.get(key)));
      return new Map(keys.map((key, index) => [key, values[index] ?? ""]));
    } finally {
      client.close();
    }
  }

  async send(command: string, ...args: string[]): Promise<unknown> {
    const client = new Bun.RedisClient(this.url);
    try {
      await client.connect();
      return await client.send(command, args);
    } finally {
      client.close();
    }
  }

  async stop(): Promise<void> {
    this.#child?.kill();
    await this.#child?.exited;
    this.#child = null;
  }

  async startAgain(): Promise<void> {
    const password = this.#password === "" ? [] : ["--requirepass", this.#password];
    const child = Bun.spawn(
      [
        redisPath!,
        "--port",
        String(this.port),
        "--bind",
        "127.0.0.1",
        "--dir",
        this.#folder.path,
        "--dbfilename",
        "dump.rdb",
        ...password,
      ],
      { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
    );
    this.#child = child;
    await waitFor(async () => {
      try {
        return (await this.send("PING")) === "PONG";
      } catch {
        return false;
      }
    }, "Redis to answer");
  }

  /** Keeps what it has for `startAgain`. */
  async save(): Promise<void> {
    await this.send("SAVE");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#folder[Symbol.dispose]();
  }
}
