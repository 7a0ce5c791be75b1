/** The root of the primary: makes the control plane and who serves for it, wires them, and stops them. */
import { randomBytes } from "node:crypto";
import { productVersion } from "../cli/version.ts";
import { logFlushBytes, logFlushIntervalMs, shutdownTimeoutMs } from "../config/defaults.ts";
import type { RunOptions } from "../config/run-options.ts";
import { loadErrorPages } from "../data-plane/proxy/answers/error-page-files.ts";
import { ownCommand, workerCommand } from "../engine-environment.ts";
import { ignoreSignals } from "../lib/ignored-signals.ts";
import { systemClock as clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { logStrayErrors } from "../lib/stray-errors.ts";
import { BatchedWriter } from "../net/batched-writer.ts";
import { openLibc } from "../net/libc.ts";
import { DistantDataPlane } from "../seam/distant-data-plane.ts";
import { dataPlaneOptions } from "../seam/plane-calls.ts";
import { createLogger, formatMessage } from "../seam/process-log.ts";
import { joinedEnds } from "../seam/seam-end.ts";
import type { CertificateManager } from "./certificates/certificate-manager.ts";
import { expositionType, formatMetrics } from "./telemetry/exposition.ts";
import { listenForMetrics, type MetricsListener } from "./telemetry/metrics-listener.ts";
import { logFigure, processFigures } from "./telemetry/process-figures.ts";
import { certificateFigures } from "./telemetry/certificate-figures.ts";
import { wireControlPlane, type WiringContext } from "./wired-control-plane.ts";
import { openWorkerSockets, serveWithWorkers } from "./workers/launch-workers.ts";
import { workerFigures } from "./workers/worker-figures.ts";
import { type Serving, serveInOneProcess } from "./workers/serving.ts";

/** Runs the proxy until a signal stops it; resolves with the exit code. Throws when it can't start. */
export async function runServer(options: RunOptions): Promise<number> {
  const stopSignal = nextSignal();
  ignoreSignals();
  const output = createOutput();
  process.on("exit", () => output.flushSync());
  const logger = createLogger(output, clock, options.debug);
  logStrayErrors(process, logger);
  const { controlPlane, certificates, serving } = wireControlPlane(options, {
    clock,
    logger,
    version: productVersion,
    pid: process.pid,
    loadErrorPages,
    serve: await chooseServing(options, output, logger),
  });
  await controlPlane.restore();
  certificates.restored();

  const metricsListener =
    options.metricsPort === 0 ? null : listenForFigures(options, serving, certificates, output);
  if (metricsListener !== null) {
    logger.info("Metrics enabled", { address: `${options.bind}:${metricsListener.port}` });
  }
  const ports = await serving.open();
  await controlPlane.listen();
  logger.info("Server started", { http: ports.http, https: ports.https });

  await stopSignal;
  const impatient = nextSignal();
  const finished = Promise.all([controlPlane.close(), serving.plane.finish()]);
  const timeUp = Promise.withResolvers<void>();
  const timer = clock.after(shutdownTimeoutMs, () => {
    logger.warn("Closing active connections");
    timeUp.resolve();
  });
  await Promise.race([finished, timeUp.promise, impatient]);
  timer.cancel();
  await serving.end();
  certificates.close();
  await metricsListener?.close();
  logger.info("Server stopped");
  output.close();
  return 0;
}

/** The one way to standard output, of this process and its workers. */
function createOutput(): BatchedWriter {
  return new BatchedWriter(1, clock, {
    flushIntervalMs: logFlushIntervalMs,
    flushBytes: logFlushBytes,
    droppedText: (lines) =>
      formatMessage(clock.wallMs(), "WARN", "Log lines dropped: the reader is too slow", { lines }),
  });
}

/** Opens the ports, so that it fails before anything else is done when one of them is taken. */
async function chooseServing(
  options: RunOptions,
  output: BatchedWriter,
  logger: Logger,
): Promise<WiringContext["serve"]> {
  const secret = randomBytes(4).readUInt32LE();
  const libc = options.oneProcess ? null : openLibc();
  if (libc === null) {
    logger.info("Serving in one process: no workers, no upgrade in place");
    const { startWorker } = await import("../data-plane/worker.ts");
    const [end, workerEnd] = joinedEnds();
    startWorker({ end: workerEnd, output, clock, onEnd() {} });
    return (questions) =>
      serveInOneProcess(new DistantDataPlane(end, questions), dataPlaneOptions(options, 1, secret));
  }
  const sockets = openWorkerSockets(libc, options);
  return (questions, certificates) =>
    serveWithWorkers({
      options,
      libc,
      sockets,
      secret,
      clock,
      logger,
      questions,
      certificates,
      command: ownCommand(workerCommand),
      onLog: (lines) => output.writeBlock(lines),
    });
}

function listenForFigures(
  options: RunOptions,
  serving: Serving,
  certificates: CertificateManager,
  output: BatchedWriter,
): MetricsListener {
  const address = { hostname: options.bind, port: options.metricsPort };
  return listenForMetrics(address, expositionType, async () => {
    const workers = serving.describe();
    const pids = workers.map(({ pid }) => pid).filter((pid) => pid !== 0);
    return formatMetrics(await serving.plane.metrics(), [
      logFigure(output.droppedLines),
      ...certificateFigures(certificates.expiries(), certificates.failedOrders),
      ...workerFigures(workers),
      ...processFigures(pids),
    ]);
  });
}

/** Resolves at the next SIGTERM or SIGINT. */
function nextSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once("SIGTERM", resolve);
  process.once("SIGINT", resolve);
  return promise;
}
