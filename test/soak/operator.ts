/** What is done to the proxy during a soak: deploys, pauses, rollouts, certificates, restarts of an app. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { certificateFlags } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import type { ProxyProcess } from "../support/proxy-process.ts";
import { anyPlainService, type SoakClients } from "./clients.ts";
import { RestartingApp } from "./soak-app.ts";

const buffering = ["--buffer-requests", "--buffer-responses", "--buffer-memory=10000"];

export class SoakOperator {
  readonly #proxy: ProxyProcess;
  readonly #targets: readonly string[];
  readonly #restarting = new RestartingApp();
  readonly #flags: Record<string, string[]>;

  constructor(proxy: ProxyProcess, targets: readonly string[]) {
    this.#proxy = proxy;
    this.#targets = targets;
    this.#flags = {
      streamed: ["--host=streamed.test"],
      buffered: ["--host=buffered.test", ...buffering],
      encrypted: [
        "--host=encrypted.test",
        ...certificateFlags(this.#certificatePath("pem"), this.#certificatePath("key")),
      ],
    };
  }

  async begin(): Promise<void> {
    this.#writeCertificate();
    for (const service of Object.keys(this.#flags)) await this.#deploy(service);
    await this.#run(
      "deploy",
      "restarting",
      `--target=${this.#restarting.address}`,
      "--host=restarting.test",
    );
  }

  end(): void {
    this.#restarting[Symbol.dispose]();
  }

  async deploy(): Promise<void> {
    await this.#deploy(anyPlainService());
  }

  async pauseAndResume(): Promise<void> {
    const service = anyPlainService();
    for (const command of ["pause", "resume"]) {
      await this.#run(command, service);
      await Bun.sleep(50);
    }
    await Bun.sleep(500);
  }

  async rollout(): Promise<void> {
    const service = anyPlainService();
    await this.#run("rollout", "deploy", service, `--target=${this.#anyTarget()}`);
    for (const percent of [20, 80]) {
      await this.#run("rollout", "set", service, `--percent=${percent}`);
      await Bun.sleep(100);
    }
    await this.#run("rollout", "stop", service);
  }

  /** A new certificate, read by a deploy or when the proxy notices its files. */
  async swapCertificate(): Promise<void> {
    this.#writeCertificate();
    if (Math.random() < 0.5) await this.#deploy("encrypted");
    await Bun.sleep(1_000);
  }

  /** Requests that come while the app is away are answered when it is back. */
  async restartTarget(clients: SoakClients): Promise<void> {
    await this.#restarting.stop();
    const waiting = Promise.allSettled([
      clients.newConnection("restarting"),
      clients.upload("restarting"),
      clients.newConnection("restarting"),
    ]);
    await Bun.sleep(Math.random() * 400);
    this.#restarting.start();
    for (const answer of await waiting) if (answer.status === "rejected") throw answer.reason;
    await Bun.sleep(500);
  }

  async #deploy(service: string): Promise<void> {
    await this.#run("deploy", service, `--target=${this.#anyTarget()}`, ...this.#flags[service]!);
  }

  async #run(...args: string[]): Promise<void> {
    const { code, stderr } = await this.#proxy.run(...args);
    if (code !== 0) throw new Error(`${args.join(" ")}: ${stderr.trim()}`);
  }

  #anyTarget(): string {
    return this.#targets[Math.floor(Math.random() * this.#targets.length)]!;
  }

  #certificatePath(kind: "pem" | "key"): string {
    return join(this.#proxy.home, `certificate.${kind}`);
  }

  #writeCertificate(): void {
    const { certificate, privateKey } = createCertificate(["encrypted.test"]);
    for (const [kind, text] of [
      ["key", privateKey],
      ["pem", certificate],
    ] as const) {
      const path = this.#certificatePath(kind);
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    }
  }
}
