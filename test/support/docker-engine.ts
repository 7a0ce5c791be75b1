/**
 * A Docker engine for a test: the one that answers, else one of the test's own where Docker is installed
 * and the test may start it. The own one lives in a network namespace, where it sets up bridges and
 * firewall rules without touching the machine's.
 */
import { commandOutput } from "./command-output.ts";
import { tempFolder, type TempFolder } from "./temp-folder.ts";
import { waitFor, within } from "./wait-for.ts";

interface Daemon {
  child: Bun.Subprocess<"ignore", "ignore", "ignore">;
  folder: TempFolder;
}

export class DockerEngine implements AsyncDisposable {
  readonly #environment: Record<string, string | undefined>;
  readonly #daemon: Daemon | null;

  private constructor(environment: Record<string, string | undefined>, daemon: Daemon | null) {
    this.#environment = environment;
    this.#daemon = daemon;
  }

  /** Null where there is none. */
  static async find(): Promise<DockerEngine | null> {
    if (process.platform !== "linux" || Bun.which("docker") === null) return null;
    const running = new DockerEngine(process.env, null);
    if (await running.#answers()) return running;
    const tools = ["dockerd", "setpriv", "unshare", "nsenter", "ip"];
    if (process.getuid?.() !== 0 || tools.some((tool) => Bun.which(tool) === null)) return null;
    return DockerEngine.#start();
  }

  static async #start(): Promise<DockerEngine | null> {
    const folder = tempFolder();
    const host = `unix://${folder.file("socket")}`;
    const command = [
      "dockerd",
      "--storage-driver=vfs",
      `--data-root=${folder.file("data")}`,
      `--exec-root=${folder.file("exec")}`,
      `--pidfile=${folder.file("pid")}`,
      `--host=${host}`,
    ];
    const script = 'ip link set lo up && exec "$@"';
    // Each program replaces the one before. The engine must not outlive a test run that is killed.
    const wrapper = [
      "setpriv",
      "--pdeathsig",
      "TERM",
      "unshare",
      "--net",
      "sh",
      "-c",
      script,
      "sh",
    ];
    const child = Bun.spawn([...wrapper, ...command], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    const engine = new DockerEngine({ ...process.env, DOCKER_HOST: host }, { child, folder });
    try {
      await waitFor(
        async () => child.exitCode !== null || (await engine.#answers()),
        "the Docker engine to answer",
        20_000,
      );
      if (child.exitCode === null) return engine;
    } catch {
      // It may lack rights that show only while it starts.
    }
    await engine[Symbol.asyncDispose]();
    return null;
  }

  /** Output of a `docker` command; rejects when it fails. */
  run(...args: string[]): Promise<string> {
    return this.#output(["docker", ...args]);
  }

  /** Output of a program that runs `docker` itself. */
  execute(...command: string[]): Promise<string> {
    return this.#output(command);
  }

  /** The body of what a published port answers. */
  fetch(url: string): Promise<string> {
    const namespace =
      this.#daemon === null ? [] : ["nsenter", `--net=/proc/${this.#daemon.child.pid}/ns/net`];
    const program = `process.stdout.write(await (await fetch(${JSON.stringify(url)})).text())`;
    return this.#output([...namespace, process.execPath, "--eval", program]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemon === null) return;
    const { child, folder } = this.#daemon;
    child.kill("SIGTERM");
    await within(child.exited, "the Docker engine to end", 20_000).catch(() =>
      child.kill("SIGKILL"),
    );
    folder[Symbol.dispose]();
  }

  async #answers(): Promise<boolean> {
    try {
      await this.run("version", "--format", "{{.Server.Version}}");
      return true;
    } catch {
      return false;
    }
  }

  async #output(command: string[]): Promise<string> {
    return (await commandOutput(command, this.#environment)).trim();
  }
}
