/** One worker as a child process: its channel, its calls, its end. */
import { closeSync } from "node:fs";
import type { Libc } from "../../net/libc.ts";
import { ChannelSocket, socketPair } from "../../net/channel-socket.ts";
import { DistantDataPlane } from "../../seam/distant-data-plane.ts";
import type { DataPlaneQuestions } from "../../seam/data-plane.ts";
import { ChannelEnd } from "../../seam/channel-end.ts";

export interface WorkerLaunch {
  libc: Libc;
  /** This program, with the command that makes a worker of it. */
  command: readonly string[];
  /** Sockets that listen, then the memory of all workers. */
  inherited: readonly number[];
  questions: DataPlaneQuestions;
  /** Whole lines of its log. */
  onLog(lines: Buffer): void;
}

export interface WorkerEnd {
  exitCode: number | null;
  signal: string | null;
}

export class SpawnedWorker {
  readonly pid: number;
  readonly dataPlane: DistantDataPlane;
  /** Resolves when the process is gone and everything that it sent has arrived. */
  readonly gone: Promise<WorkerEnd>;
  readonly #child: Bun.Subprocess;

  private constructor(
    child: Bun.Subprocess,
    dataPlane: DistantDataPlane,
    gone: Promise<WorkerEnd>,
  ) {
    this.pid = child.pid;
    this.dataPlane = dataPlane;
    this.gone = gone;
    this.#child = child;
  }

  /** Throws when no process can be made. */
  static async launch(launch: WorkerLaunch): Promise<SpawnedWorker> {
    const pair = socketPair(launch.libc);
    if (pair === null) throw new Error("no sockets left");
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
    const frames = await ChannelSocket.adopt(ours);
    const end = new ChannelEnd(frames);
    end.onLog = launch.onLog;
    const dataPlane = new DistantDataPlane(end, launch.questions);
    const closed = Promise.withResolvers<void>();
    dataPlane.onClose = closed.resolve;
    const gone = Promise.all([child.exited, closed.promise]).then(() => ({
      exitCode: child.exitCode,
      signal: child.signalCode === null ? null : String(child.signalCode),
    }));
    return new SpawnedWorker(child, dataPlane, gone);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
