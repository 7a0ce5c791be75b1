/** Makes the sockets of the ports and the pool of workers on them. */
import { closeSync } from "node:fs";
import { connectionMemoryBytes, rateMemoryBytes } from "../../config/access-limits.ts";
import type { RunOptions } from "../../config/run-options.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import type { Libc } from "../../net/libc.ts";
import { createSharedMemory } from "../../net/shared-memory.ts";
import { type ListeningGroup, listenTcp, shareListening } from "../../net/listening-sockets.ts";
import type { CertificateChange } from "../../seam/certificates.ts";
import type { DataPlaneQuestions } from "../../seam/data-plane.ts";
import { firstSocketFd } from "../../seam/channel-end.ts";
import { dataPlaneOptions, type ListeningPorts } from "../../seam/plane-calls.ts";
import type { HandedSockets } from "./handed-sockets.ts";
import type { Serving } from "./serving.ts";
import { SpawnedWorker } from "./spawned-worker.ts";
import { type GoneCounts, WorkerPool } from "./worker-pool.ts";

/** The sockets of both ports, one of each a slot. */
export interface WorkerSockets {
  http: ListeningGroup;
  https: ListeningGroup;
}

export interface WorkersContext {
  options: RunOptions;
  libc: Libc;
  sockets: WorkerSockets;
  /** What all count keys by: 32 bits. */
  secret: number;
  /** This program, with the command that makes a worker of it. */
  command: readonly string[];
  clock: Clock;
  logger: Logger;
  questions: DataPlaneQuestions;
  /** What those that are gone had counted. */
  gone: GoneCounts;
  /** Everything that was pushed so far. */
  certificates(): CertificateChange | null;
  /** Whole lines of a worker's log. */
  onLog(lines: Buffer): void;
}

export interface WorkerServing extends Serving {
  readonly pool: WorkerPool;
  /** Takes workers over that an earlier executable of this process has left. */
  adopt(workers: readonly { pid: number; fd: number }[]): Promise<void>;
}

/** Those that are not handed in are made. Throws a CommandError when a port can't be had. */
export function openWorkerSockets(
  libc: Libc,
  options: RunOptions,
  handed: HandedSockets,
): WorkerSockets {
  const { bind, workers, httpPort, httpsPort } = options;
  const open = (fd: number | null, port: number): ListeningGroup =>
    fd === null ? listenTcp(libc, bind, port, workers) : shareListening(libc, fd, workers);
  const http = open(handed.http, httpPort);
  try {
    return { http, https: open(handed.https, httpsPort) };
  } catch (error) {
    for (const fd of http.fds) closeSync(fd);
    throw error;
  }
}

export function serveWithWorkers(context: WorkersContext): WorkerServing {
  const { options, libc, sockets, secret, command, clock, logger, questions, onLog } = context;
  const { http, https } = sockets;
  const ports: ListeningPorts = { http: http.port, https: https.port };
  const workers = http.fds.length;
  const rateMemory = createSharedMemory(libc, rateMemoryBytes);
  const connectionMemory =
    options.maxConnectionsPerIp === 0 ? null : createSharedMemory(libc, connectionMemoryBytes);
  const shared = [rateMemory, ...(connectionMemory === null ? [] : [connectionMemory])];
  const pool = new WorkerPool({
    clock,
    logger,
    certificates: context.certificates,
    keepsMetrics: options.metricsPort !== 0 || options.statusPort !== 0,
    closeSockets() {
      for (const fd of [...http.fds, ...https.fds, ...shared]) closeSync(fd);
    },
    gone: context.gone,
    slots: http.fds.map((httpFd, slot) => ({
      options: {
        ...dataPlaneOptions(options, workers, secret),
        httpPort: ports.http,
        httpsPort: ports.https,
        // QUIC needs one owner of the port.
        servesHttp3: options.http3 && slot === 0,
        sockets: { http: firstSocketFd, https: firstSocketFd + 1 },
        rateMemory: { descriptor: firstSocketFd + 2, secret },
        connectionMemory:
          connectionMemory === null ? null : { descriptor: firstSocketFd + 3, column: slot },
      },
      launch: () =>
        SpawnedWorker.launch({
          libc,
          command,
          inherited: [httpFd, https.fds[slot]!, ...shared],
          questions,
          onLog,
        }),
    })),
  });
  return {
    pool,
    get onMetrics() {
      return pool.onMetrics;
    },
    set onMetrics(listener) {
      pool.onMetrics = listener;
    },
    async adopt(left) {
      for (const { pid, fd } of left) {
        pool.adopt(await SpawnedWorker.adopt({ libc, clock, pid, fd, questions, onLog }));
      }
    },
    plane: pool,
    async open() {
      await pool.start();
      return ports;
    },
    end: () => pool.end(),
    describe: () => pool.describe(),
  };
}
