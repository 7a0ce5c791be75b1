/** One worker as a process: its channel, its calls, its end. Ours, or one that an earlier executable made. */
import { closeSync } from "node:fs";
import { reapIntervalMs } from "../../config/worker-limits.ts";
import type { Clock } from "../../lib/clock.ts";
import { reap } from "../../net/execute-in-place.ts";
import type { Libc } from "../../net/libc.ts";
import { ChannelSocket, socketPair } from "../../net/channel-socket.ts";
import { DistantDataPlane } from "../../seam/distant-data-plane.ts";
import type { DataPlaneQuestions } from "../../seam/data-plane.ts";
import { ChannelEnd } from "../../seam/channel-end.ts";
import type { WorkerHandle } from "./linked-worker.ts";

export interface ProcessContext {
  libc: Libc;
  questions: DataPlaneQuestions;
  /** Whole lines of its log. */
  onLog(lines: Buffer): void;
}

export interface WorkerLaunch extends ProcessContext {
  /** This program, with the command that makes a worker of it. */
  command: readonly string[];
  /** Sockets that listen, then the memory of all workers. */
  inherited: readonly number[];
}

export interface WorkerAdoption extends ProcessContext {
  pid: number;
  /** Of its channel. */
  fd: number;
  clock: Clock;
}

type GoneWorker = Awaited<WorkerHandle["gone"]>;

export class SpawnedWorker implements WorkerHandle {
  readonly pid: number;
  readonly dataPlane: DistantDataPlane;
  /** Resolves when the process is gone and everything that it sent has arrived. */
  readonly gone: Promise<GoneWorker>;
  readonly #frames: ChannelSocket;
  readonly #end: ChannelEnd;

  private constructor(
    pid: number,
    frames: ChannelSocket,
    { questions, onLog }: ProcessContext,
    exited: () => Promise<GoneWorker>,
  ) {
    this.pid = pid;
    this.#frames = frames;
    this.#end = new ChannelEnd(frames);
    this.#end.onLog = onLog;
    this.dataPlane = new DistantDataPlane(this.#end, questions);
    const closed = Promise.withResolvers<void>();
    this.dataPlane.onClose = closed.resolve;
    this.gone = closed.promise.then(exited);
  }

  /** Throws when no process can be made. */
  static async launch(launch: WorkerLaunch): Promise<SpawnedWorker> {
    const pair = socketPair(launch.libc);
    if (pair === null) {
      throw new Error("no sockets for its channel: too many open files (ulimit -n), or no memory");
    }
    const [ours, theirs] = pair;
    let child: Bun.Subprocess;
    try {
      child = Bun.spawn([...launch.command], {
        argv0: process.execPath,
        // Its own log comes over the channel; what the runtime itself has to say goes where ours goes.
        stdio: ["ignore", "ignore", "inherit", theirs, ...launch.inherited],
      });
    } catch (error) {
      closeSync(ours);
      throw error;
    } finally {
      closeSync(theirs);
    }
    return new SpawnedWorker(child.pid, await ChannelSocket.adopt(ours), launch, async () => {
      await child.exited;
      const signal = child.signalCode === null ? null : String(child.signalCode);
      return { exitCode: child.exitCode, signal };
    });
  }

  /** One that an earlier executable of this process has left, and that waits to be spoken to. */
  static async adopt(adoption: WorkerAdoption): Promise<SpawnedWorker> {
    const { libc, clock, pid, fd } = adoption;
    return new SpawnedWorker(pid, await ChannelSocket.adopt(fd), adoption, async () => {
      // The runtime does not know it, so nobody else takes its remains.
      while (!reap(libc, pid)) {
        await new Promise<void>((resolve) => void clock.after(reapIntervalMs, () => resolve()));
      }
      return { exitCode: null, signal: null };
    });
  }

  get channelFd(): number {
    return this.#frames.fd;
  }

  /** Resolves when nothing is on its way between the two any more, and nothing will be. */
  async hold(): Promise<void> {
    if (await this.#end.hold()) await this.#frames.drained;
    // Its channel ends before the process does.
    else await this.gone;
  }

  release(): void {
    this.#end.release();
    this.dataPlane.startAnew();
  }

  kill(): void {
    try {
      process.kill(this.pid, "SIGKILL");
    } catch {
      // It has gone by itself.
    }
  }
}
