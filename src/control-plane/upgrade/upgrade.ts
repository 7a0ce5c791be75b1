/**
 * Puts another executable in the place of this one: the same process, the same sockets, the same workers
 * until there are new ones. Either the next executable goes on from here, or everything is as it was.
 */
import { closeSync, existsSync, openSync } from "node:fs";
import { CommandError } from "../../config/command-error.ts";
import { upgradeOrderWaitMs } from "../../config/worker-limits.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/error-text.ts";
import type { Logger } from "../../lib/logger.ts";
import { executeInPlace, keepAcross } from "../../net/execute-in-place.ts";
import type { SignalGate } from "../../net/signal-gate.ts";
import type { Libc } from "../../net/libc.ts";
import type { ControlPlane } from "../control-plane.ts";
import type { PackedTraffic } from "../status/traffic-record.ts";
import type { WorkerSockets } from "../workers/launch-workers.ts";
import type { LinkedWorker } from "../workers/linked-worker.ts";
import type { GoneCounts, WorkerPool } from "../workers/worker-pool.ts";
import { type Handover, seamVersion } from "./handover.ts";
import { namelessFile, rehearseWith } from "./rehearsal.ts";

export interface UpgradeContext {
  libc: Libc;
  signals: SignalGate;
  clock: Clock;
  logger: Logger;
  version: string;
  /** The command line of this process behind the executable's name. */
  args: readonly string[];
  /** Those that make a rehearsal of an executable. */
  rehearsalArgs: readonly string[];
  environment: NodeJS.ProcessEnv;
  /** Names the descriptor with what is handed over. */
  handoverVariable: string;
  /** For files that have no name any more when something is in them. */
  folder: string;
  sockets: WorkerSockets;
  pool: WorkerPool;
  controlPlane: ControlPlane;
  /** What the status page has recorded. */
  traffic(): PackedTraffic[];
  /** Resolves when no certificate is being ordered: an authority counts what it could not validate. */
  ordersEnded(signal: AbortSignal): Promise<void>;
  /** It is under way; then either the next executable tells that it serves, or `failed` is called. */
  began(path: string): void;
  failed(reason: string): void;
  /** The last lines leave before the one who wrote them. */
  flushLog(): void;
}

const nobody = -1;

export class Upgrade {
  readonly #context: UpgradeContext;
  #underWay = false;
  /** The proxy is about to end. */
  #ended = false;

  constructor(context: UpgradeContext) {
    this.#context = context;
  }

  /** Rejects with a CommandError when it can't be done; `client` waits for the outcome, if it is not -1. */
  async begin(givenPath: string | null, client: number = nobody): Promise<never> {
    this.#refuseAtEnd();
    if (this.#underWay) throw new CommandError("an upgrade is under way already");
    this.#underWay = true;
    const path = givenPath ?? ownPath();
    this.#context.began(path);
    try {
      return await this.#upgrade(path, client);
    } catch (error) {
      this.#context.failed(messageOf(error));
      throw error;
    } finally {
      this.#underWay = false;
    }
  }

  /** From now on there is none: one that has begun ends before the executable has changed. */
  end(): void {
    this.#ended = true;
  }

  #refuseAtEnd(): void {
    if (this.#ended) throw new CommandError("the proxy is shutting down");
  }

  async #upgrade(path: string, client: number): Promise<never> {
    const { clock, logger, rehearsalArgs, folder, version } = this.#context;
    if (!path.startsWith("/")) throw new CommandError(`${path} is no absolute path`);
    if (!existsSync(path)) throw new CommandError(`${path} does not exist`);
    const next = await rehearseWith(path, rehearsalArgs, this.#rehearsal(), folder, clock);
    logger.info("Upgrading", { path, from: version, to: next });
    return await this.#handOver(path, client);
  }

  /** Back to the executable before this one, which could not begin to serve. */
  async goBack({ executableFd, replyFd, controlFd }: Handover, failure: string): Promise<never> {
    const { pool, signals } = this.#context;
    const { workers, gone } = await pool.hold();
    await signals.close();
    // It waits for the executable before, which is the one to stop.
    if (this.#ended) process.kill(process.pid, "SIGTERM");
    const handover = this.#handover(workers, gone, controlFd, replyFd, failure);
    const reason = this.#execute(`/proc/self/fd/${executableFd}`, handover);
    throw new CommandError(`the executable before can't be executed: ${reason}`);
  }

  /** Of the same form, and what is most of it. */
  #rehearsal(): Handover {
    return this.#handover(
      [],
      { metrics: [], served: [], spans: { exported: 0, dropped: 0 } },
      nobody,
      nobody,
      null,
    );
  }

  async #handOver(path: string, client: number): Promise<never> {
    const { libc, signals, pool, controlPlane } = this.#context;
    await this.#ordersEnded();
    const controlFd = await controlPlane.hold(libc, client);
    const { workers, gone } = await pool.hold();
    await signals.close();
    let reason: string | null = null;
    if (!this.#ended) {
      reason = this.#execute(path, this.#handover(workers, gone, controlFd, client, null));
    }
    // Still here: nothing has changed.
    signals.open();
    pool.release();
    this.#refuseAtEnd();
    controlPlane.listenOn(controlFd);
    throw new CommandError(`${path} can't be executed: ${reason}`);
  }

  async #ordersEnded(): Promise<void> {
    const timeUp = new AbortController();
    const timer = this.#context.clock.after(upgradeOrderWaitMs, () => timeUp.abort());
    await this.#context.ordersEnded(timeUp.signal);
    timer.cancel();
  }

  #handover(
    workers: readonly LinkedWorker[],
    gone: GoneCounts,
    controlFd: number,
    replyFd: number,
    failure: string | null,
  ): Handover {
    const { version, sockets, controlPlane, traffic } = this.#context;
    const { http, https } = sockets;
    return {
      seamVersion,
      version,
      executableFd: nobody,
      sockets: {
        http: { ...http, fds: [...http.fds] },
        https: { ...https, fds: [...https.fds] },
      },
      controlFd,
      replyFd,
      workers: workers.map(({ handle }) => ({ pid: handle.pid, fd: handle.channelFd })),
      ...controlPlane.services(),
      traffic: traffic(),
      goneMetrics: gone.metrics.map((metrics) => ({ ...metrics, series: [...metrics.series] })),
      goneSpans: gone.spans,
      goneServed: gone.served.map(([id, count]) => [id, count]),
      failure,
    };
  }

  /** Returns only when it fails. */
  #execute(path: string, withoutWayBack: Handover): string {
    const { libc, args, environment, handoverVariable, folder, flushLog } = this.#context;
    const executableFd = openSync("/proc/self/exe", "r");
    const handover = { ...withoutWayBack, executableFd };
    const handoverFd = namelessFile(folder, JSON.stringify(handover));
    const kept = [...descriptorsOf(handover), handoverFd];
    for (const fd of kept) keepAcross(libc, fd, true);
    flushLog();
    const reason = executeInPlace(libc, path, [process.argv0, ...args], {
      ...environment,
      [handoverVariable]: String(handoverFd),
    });
    for (const fd of kept) keepAcross(libc, fd, false);
    closeSync(executableFd);
    closeSync(handoverFd);
    return reason;
  }
}

/** Of everything that is handed over. */
export function descriptorsOf(handover: Handover): number[] {
  const { sockets, workers, controlFd, replyFd, executableFd } = handover;
  return [
    ...sockets.http.fds,
    ...sockets.https.fds,
    ...workers.map(({ fd }) => fd),
    ...[controlFd, replyFd, executableFd].filter((fd) => fd !== nobody),
  ];
}

/** The file that was started, whatever has its name now. */
function ownPath(): string {
  return process.execPath.replace(/ \(deleted\)$/, "");
}
