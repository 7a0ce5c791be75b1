/** A binary with kamal-proxy's command line, ours or the original: access log and metrics on. */
import { join } from "node:path";
import { freePorts } from "../support/free-ports.ts";
import { waitFor } from "../support/wait-for.ts";
import { end, startServer } from "./cleanup.ts";
import type { CertificateFiles, RunningSubject, ServicePlan, Subject } from "./subject.ts";

const parallelDeploys = 10;

export interface KamalOptions {
  /** The variable by which it is told how many processors to use. */
  processorsVariable: "KAMAL_PROXY_WORKERS" | "GOMAXPROCS";
  processors?: number;
  /** Flags of each deploy. */
  more?: readonly string[];
}

export function kamalSubject(name: string, binary: string, options: KamalOptions): Subject {
  const { processorsVariable, processors, more = [] } = options;
  const limit = processors === undefined ? {} : { [processorsVariable]: String(processors) };
  return {
    name,
    limitedTo: (count) =>
      kamalSubject(`${name} × ${count}`, binary, { ...options, processors: count }),
    async start(services, folder, certificate) {
      const [port = 0, httpsPort = 0, metricsPort = 0] = freePorts(3);
      const socket = join(folder, "sock");
      const env = { ...limit, HOME: folder, TMPDIR: folder, KAMAL_PROXY_SOCKET: socket };
      const flags = [
        `--http-port=${port}`,
        `--https-port=${httpsPort}`,
        `--metrics-port=${metricsPort}`,
      ];
      const server = await startServer({
        command: [binary, "run", ...flags],
        env,
        logPath: join(folder, "log"),
        port,
      });
      const running: RunningSubject = {
        name,
        port: certificate === null ? port : httpsPort,
        pid: server.pid,
        redeploy: (service) => deploy(binary, service, certificate, env, more),
        [Symbol.asyncDispose]: () => end(server),
      };
      // The control socket opens after the port.
      await waitFor(
        async () => (await command(binary, ["list"], env)).code === 0,
        `${name} to take commands`,
      );
      for (let i = 0; i < services.length; i += parallelDeploys) {
        const batch = services.slice(i, i + parallelDeploys);
        await Promise.all(batch.map((service) => deploy(binary, service, certificate, env, more)));
      }
      return running;
    },
  };
}

async function deploy(
  binary: string,
  service: ServicePlan,
  certificate: CertificateFiles | null,
  env: Record<string, string>,
  more: readonly string[],
): Promise<void> {
  const buffering = service.buffered ? ["--buffer-requests", "--buffer-responses"] : [];
  const tls =
    certificate === null
      ? []
      : [
          "--tls",
          `--tls-certificate-path=${certificate.certificatePath}`,
          `--tls-private-key-path=${certificate.privateKeyPath}`,
        ];
  const health = service.grpc === null ? [] : [`--health-check-port=${service.grpc.healthPort}`];
  const args = [
    "deploy",
    service.name,
    `--host=${service.host}`,
    `--target=${service.target}`,
    ...health,
    ...buffering,
    ...tls,
    ...more,
  ];
  const { code, stderr } = await command(binary, args, env);
  if (code !== 0) throw new Error(`${binary} ${args.join(" ")}: ${stderr.trim()}`);
}

async function command(
  binary: string,
  args: string[],
  env: Record<string, string>,
): Promise<{ code: number; stderr: string }> {
  const child = Bun.spawn([binary, ...args], {
    env,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const [stderr, code] = await Promise.all([child.stderr.text(), child.exited]);
  return { code, stderr };
}
