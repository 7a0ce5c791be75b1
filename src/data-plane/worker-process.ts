/** The root of a worker as a process of its own: the channel to the primary is all that it has. */
import { logFlushBytes, maxWaitingLogBytes } from "../config/limits.ts";
import { workerLogIntervalMs } from "../config/worker-limits.ts";
import { systemClock as clock } from "../lib/clock.ts";
import { logStrayErrors } from "../lib/stray-errors.ts";
import { BatchedWriter } from "../net/batched-writer.ts";
import { openLibc } from "../net/libc.ts";
import { holdSignals } from "../net/signal-gate.ts";
import { nameProcess } from "../net/process-name.ts";
import { ChannelSocket } from "../net/channel-socket.ts";
import { channelFd, ChannelEnd } from "../seam/channel-end.ts";
import { createLogger, formatMessage } from "../seam/process-log.ts";
import { type StartedWorker, startWorker } from "./worker.ts";

/** Resolves with the exit code, when the primary says so or has gone and everything under way has ended. */
export async function runWorker(): Promise<number> {
  // They reach every process of a terminal or a group; only the primary, if there is one, decides what they mean.
  let worker: StartedWorker | null = null;
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => worker?.stop());
  process.on("SIGHUP", () => {});
  const libc = openLibc();
  // The primary holds them back.
  if (libc !== null) holdSignals(libc, false);
  nameProcess("kamal-proxy");
  const frames = await ChannelSocket.adopt(channelFd);
  const end = new ChannelEnd(frames);
  const output = new BatchedWriter(
    channelFd,
    clock,
    {
      flushIntervalMs: workerLogIntervalMs,
      flushBytes: logFlushBytes,
      droppedText: (lines) =>
        formatMessage(clock.wallMs(), "WARN", "Log lines dropped: the reader is too slow", {
          lines,
        }),
    },
    (bytes, offset, length) => {
      if (frames.waitingBytes + end.heldBytes > maxWaitingLogBytes) throw new FullChannelError();
      end.sendLog(bytes.subarray(offset, offset + length));
      return length;
    },
  );
  end.beforeMessage = () => output.flush();
  logStrayErrors(process, createLogger(output, clock, false));
  const { promise, resolve } = Promise.withResolvers<void>();
  worker = startWorker({ end, output, clock, onEnd: resolve });
  end.onRelease = worker.startAnew;
  await promise;
  output.close();
  await frames.drained;
  return 0;
}

/** The primary does not read: the writer keeps its lines, and drops those that are too many. */
class FullChannelError extends Error {
  readonly code = "EAGAIN";
}
