/** The root of the primary: makes the control plane and who serves for it, wires them, and stops them. */
import { productVersion } from "../cli/version.ts";
import { logFlushBytes, logFlushIntervalMs, shutdownTimeoutMs } from "../config/defaults.ts";
import type { RunOptions } from "../config/run-options.ts";
import { loadErrorPages } from "../data-plane/proxy/answers/error-page-files.ts";
import { startWorker } from "../data-plane/worker.ts";
import { ignoreSignals } from "../lib/ignored-signals.ts";
import { systemClock as clock } from "../lib/clock.ts";
import { logStrayErrors } from "../lib/stray-errors.ts";
import { DistantDataPlane } from "../seam/distant-data-plane.ts";
import { dataPlaneOptions } from "../seam/plane-calls.ts";
import { createLogger, formatMessage } from "../seam/process-log.ts";
import { joinedEnds } from "../seam/seam-end.ts";
import { BatchedWriter } from "./telemetry/batched-writer.ts";
import { expositionType, formatMetrics } from "./telemetry/exposition.ts";
import { listenForMetrics } from "./telemetry/metrics-listener.ts";
import { logFigure, processFigures } from "./telemetry/process-figures.ts";
import { certificateFigures } from "./telemetry/certificate-figures.ts";
import { wireControlPlane } from "./wired-control-plane.ts";

/** Runs the proxy until a signal stops it; resolves with the exit code. Throws when it can't start. */
export async function runServer(options: RunOptions): Promise<number> {
  const stopSignal = nextSignal();
  ignoreSignals();
  const output = new BatchedWriter(1, clock, {
    flushIntervalMs: logFlushIntervalMs,
    flushBytes: logFlushBytes,
    droppedText: (lines) =>
      formatMessage(clock.wallMs(), "WARN", "Log lines dropped: the reader is too slow", { lines }),
  });
  process.on("exit", () => output.flushSync());
  const logger = createLogger(output, clock, options.debug);
  logStrayErrors(process, logger);
  const [end, workerEnd] = joinedEnds();
  startWorker({ end: workerEnd, output, clock });
  const { controlPlane, certificates, dataPlane } = wireControlPlane(options, {
    clock,
    logger,
    userAgent: `kamal-proxy/${productVersion}`,
    loadErrorPages,
    connect: (questions) => new DistantDataPlane(end, questions),
  });
  await dataPlane.start(dataPlaneOptions(options));
  await controlPlane.restore();
  certificates.restored();

  const metricsListener =
    options.metricsPort === 0
      ? null
      : listenForMetrics(
          { hostname: options.bind, port: options.metricsPort },
          expositionType,
          async () =>
            formatMetrics(await dataPlane.metrics(), [
              logFigure(output.droppedLines),
              ...certificateFigures(certificates.expiries(), certificates.failedOrders),
              ...processFigures(),
            ]),
        );
  if (metricsListener !== null) {
    logger.info("Metrics enabled", { address: `${options.bind}:${metricsListener.port}` });
  }
  const ports = await dataPlane.listen();
  await controlPlane.listen();
  logger.info("Server started", { http: ports.http, https: ports.https });

  await stopSignal;
  const impatient = nextSignal();
  const finished = Promise.all([controlPlane.close(), dataPlane.finish()]);
  const timeUp = Promise.withResolvers<void>();
  const timer = clock.after(shutdownTimeoutMs, () => {
    logger.warn("Closing active connections");
    timeUp.resolve();
  });
  await Promise.race([finished, timeUp.promise, impatient]);
  timer.cancel();
  dataPlane.close();
  certificates.close();
  await metricsListener?.close();
  // What was cut just now still gets its log line.
  await new Promise<void>((resolve) => void setImmediate(resolve));
  logger.info("Server stopped");
  output.close();
  return 0;
}

/** Resolves at the next SIGTERM or SIGINT. */
function nextSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once("SIGTERM", resolve);
  process.once("SIGINT", resolve);
  return promise;
}
