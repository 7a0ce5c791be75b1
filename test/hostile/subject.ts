/** A proxy under attack: ours or the original, with the services that the attacks need. */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createCertificate } from "../support/certificates.ts";
import { ProxyProcess, type ProxyProcessOptions } from "../support/proxy-process.ts";

export interface HostileSubject extends AsyncDisposable {
  readonly name: string;
  readonly proxy: ProxyProcess;
}

export const hosts = {
  /** Whom nobody attacks. */
  other: "other.example",
  plain: "plain.example",
  buffered: "buffered.example",
  stopped: "stopped.example",
  paused: "paused.example",
  tls: "tls.example",
} as const;

/** `binary` is started in place of the built one. */
export async function startSubject(
  name: string,
  binary: string,
  app: string,
  options: ProxyProcessOptions = {},
): Promise<HostileSubject> {
  process.env["KAMAL_PROXY_TEST_BINARY"] = binary;
  // As it is by default: a worker for each core.
  const env = { KAMAL_PROXY_WORKERS: String(availableParallelism()) };
  const proxy = await ProxyProcess.start({ logs: false, ...options, env });
  const { certificate, privateKey } = createCertificate([hosts.tls, `*.${hosts.tls}`]);
  const certificatePath = join(proxy.home, "site.crt");
  const keyPath = join(proxy.home, "site.key");
  writeFileSync(certificatePath, certificate);
  writeFileSync(keyPath, privateKey);
  const tls = [
    "--tls",
    `--tls-certificate-path=${certificatePath}`,
    `--tls-private-key-path=${keyPath}`,
  ];
  const buffering = ["--buffer-requests", "--buffer-responses"];
  await proxy.deploy("other", app, `--host=${hosts.other}`);
  await proxy.deploy("plain", app, `--host=${hosts.plain}`);
  await proxy.deploy("buffered", app, `--host=${hosts.buffered}`, ...buffering);
  await proxy.deploy("tls", app, `--host=${hosts.tls}`, ...tls);
  await proxy.deploy("tls-buffered", app, `--host=b.${hosts.tls}`, ...tls, ...buffering);
  await proxy.deploy("stopped", app, `--host=${hosts.stopped}`);
  await proxy.deploy("paused", app, `--host=${hosts.paused}`);
  await proxy.run("stop", "stopped");
  await proxy.run("pause", "paused", "--max-pause=10m");
  return { name, proxy, [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
}
