/**
 * A host as Kamal sees it: a Docker engine with the proxy's image, on which it runs an app and the proxy
 * with the commands of `kamal proxy boot`, `reboot` and `kamal app boot`. Everything has names of its own.
 */
import { randomUUID } from "node:crypto";
import type { DockerEngine } from "./docker-engine.ts";
import type { ImageArchive } from "./image-archive.ts";

const title = "org.opencontainers.image.title=kamal-proxy";
const appPort = 3000;

export class KamalHost implements AsyncDisposable {
  readonly #engine: DockerEngine;
  readonly #reference: string;
  readonly #loaded: string[] = [];
  /** Network, volume, container and label. */
  readonly #name = uniqueName();

  private constructor(engine: DockerEngine, reference: string) {
    this.#engine = engine;
    this.#reference = reference;
  }

  static async create(engine: DockerEngine, archivePath: string, { reference }: ImageArchive) {
    const host = new KamalHost(engine, reference);
    await host.load(archivePath, reference);
    await engine.run("network", "create", host.#name);
    return host;
  }

  /** An image, which goes with the host. Its name must be nobody else's. */
  async load(archivePath: string, reference: string): Promise<void> {
    await this.#engine.run("load", `--input=${archivePath}`);
    this.#loaded.push(reference);
  }

  /** Of its container. */
  get proxyName(): string {
    return this.#name;
  }

  /** As the engine sees it. */
  async proxyPid(): Promise<number> {
    return Number(await this.#engine.run("inspect", "--format={{.State.Pid}}", this.#name));
  }

  /** Starts an app that answers with a text; resolves to its target, the container's id and the port. */
  async bootApp(text: string): Promise<string> {
    const program = `
      process.on("SIGTERM", () => process.exit(0));
      Bun.serve({ port: ${appPort}, fetch: () => new Response(${JSON.stringify(text)}) });`;
    const id = await this.#engine.run(
      "run",
      "--detach",
      "--label",
      this.#name,
      "--network",
      this.#name,
      // The image has the libraries that Bun needs, so no other one is needed.
      `--volume=${process.execPath}:/bun:ro`,
      this.#reference,
      "/bun",
      "--eval",
      program,
    );
    return `${id.slice(0, 12)}:${appPort}`;
  }

  /** `command` is what stands behind the image. */
  async bootProxy(httpPort: number, httpsPort: number, ...command: string[]): Promise<void> {
    await this.#engine.run(
      "run",
      "--name",
      this.#name,
      "--network",
      this.#name,
      "--detach",
      "--restart",
      "unless-stopped",
      "--volume",
      `${this.#name}:/home/kamal-proxy/.config/kamal-proxy`,
      "--publish",
      `127.0.0.1:${httpPort}:80`,
      "--publish",
      `127.0.0.1:${httpsPort}:443`,
      "--log-opt",
      "max-size=10m",
      "--label",
      this.#name,
      this.#reference,
      ...command,
    );
  }

  /** `kamal-proxy …` in the proxy's container. */
  proxy(...words: string[]): Promise<string> {
    return this.#engine.run("exec", this.#name, "kamal-proxy", ...words);
  }

  async startProxy(): Promise<void> {
    await this.#engine.run("container", "start", this.#name);
  }

  /** Resolves to its exit code. */
  async stopProxy(): Promise<number> {
    await this.#engine.run("container", "stop", this.#name);
    return Number(await this.#engine.run("inspect", "--format={{.State.ExitCode}}", this.#name));
  }

  /** Finds the container by the image's title, as Kamal does, and by its own label, to spare others. */
  async removeStoppedProxy(): Promise<void> {
    const filters = [title, this.#name].map((label) => `--filter=label=${label}`);
    await this.#engine.run("container", "prune", "--force", ...filters);
  }

  /** Running or not. */
  async hasProxy(): Promise<boolean> {
    const id = await this.#engine.run("ps", "--all", "--quiet", `--filter=name=^${this.#name}$`);
    return id !== "";
  }

  logs(): Promise<string> {
    return this.#engine.run("logs", this.#name);
  }

  /** The tag that Kamal compares with the oldest version that it supports. */
  async proxyVersion(): Promise<string> {
    const image = await this.#engine.run("inspect", this.#name, "--format={{.Config.Image}}");
    return image.split(":").at(-1)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const containers = await this.#engine.run(
      "ps",
      "--all",
      "--quiet",
      `--filter=label=${this.#name}`,
    );
    if (containers !== "") await this.#engine.run("rm", "--force", ...containers.split("\n"));
    await this.#engine.run("volume", "rm", "--force", this.#name);
    await this.#engine.run("network", "rm", this.#name);
    for (const reference of this.#loaded) await this.#engine.run("image", "rm", reference);
  }
}

/** For what is in an engine that other test runs may use at the same time. */
export function uniqueName(): string {
  return `kamal-proxy-test-${randomUUID().slice(0, 8)}`;
}
