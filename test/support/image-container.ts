/**
 * Runs the image without a container engine: its root folder in a mount namespace of its own, as the
 * image's user. Nothing but the image's files can be used by the proxy.
 */
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandOutput } from "./command-output.ts";
import type { ImageArchive } from "./image-archive.ts";
import type { TempFolder } from "./temp-folder.ts";
import { waitFor } from "./wait-for.ts";

/** Why no image can be run here; undefined when it can. */
export function obstacle(): string | undefined {
  if (process.platform !== "linux") return "this is not Linux";
  if (process.getuid?.() !== 0) return "chroot needs root";
  const missing = ["unshare", "chroot", "mount", "tar"].filter((tool) => Bun.which(tool) === null);
  if (missing.length > 0) return `missing: ${missing.join(", ")}`;
  if (!Bun.spawnSync(["unshare", "--mount", "true"]).success) {
    return "mount namespaces are not allowed";
  }
  return undefined;
}

export class ImageContainer implements AsyncDisposable {
  readonly #root: string;
  readonly #volume: string;
  readonly #environment: Record<string, string>;
  readonly #image: ImageArchive;
  #child: Bun.Subprocess<"ignore", "ignore", "inherit"> | null = null;

  /** `environment` is that of the proxy, beside the image's own. */
  constructor(image: ImageArchive, environment: Record<string, string>, folder: TempFolder) {
    this.#image = image;
    this.#root = folder.file("root");
    this.#volume = folder.file("volume");
    this.#environment = {
      ...Object.fromEntries(image.config.Env.map((line) => line.split("=", 2) as [string, string])),
      HOME: "/home/kamal-proxy",
      ...environment,
    };
    mkdirSync(this.#root, { mode: 0o755 });
    mkdirSync(this.#volume, { mode: 0o700 });
    chownSync(this.#volume, 1001, 1001);
    for (const [index, layer] of image.layers.entries()) {
      const path = folder.file(`layer-${index}.tar`);
      writeFileSync(path, layer);
      const tar = ["tar", "--extract", "--same-permissions", "--numeric-owner", `--file=${path}`];
      if (!Bun.spawnSync(tar, { cwd: this.#root }).success) throw new Error("tar failed");
    }
    // What an engine makes by itself.
    for (const name of ["proc", "dev"]) mkdirSync(join(this.#root, name));
  }

  /** Starts the image's own command; again after `stop`, with the same volume. */
  async start(): Promise<void> {
    const child = Bun.spawn(this.#command(this.#image.config.Cmd), {
      env: this.#environment,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
    });
    this.#child = child;
    await waitFor(
      async () => {
        if (child.exitCode !== null) return true;
        await this.exec("kamal-proxy", "list");
        return true;
      },
      "the proxy in the root folder",
      20_000,
    );
    if (child.exitCode !== null) throw new Error(`the proxy ended with ${child.exitCode}`);
  }

  /** Runs a command inside; resolves to its output, rejects when it fails. */
  async exec(...command: string[]): Promise<string> {
    return commandOutput(this.#command(command), this.#environment);
  }

  /** SIGTERM; resolves to the exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    child.kill("SIGTERM");
    await child.exited;
    this.#child = null;
    return child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  /** Each program replaces the one before, so a signal reaches the proxy itself. */
  #command(command: string[]): string[] {
    const script =
      'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && ' +
      'mount --bind "$2" "$1/home/kamal-proxy/.config/kamal-proxy" && ' +
      'root=$1 && shift 2 && exec chroot --userspec=1001:1001 --groups= "$root" "$@"';
    return ["unshare", "--mount", "sh", "-c", script, "sh", this.#root, this.#volume, ...command];
  }
}
