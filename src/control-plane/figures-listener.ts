/** The metrics of the whole proxy on their port. */
import type { RunOptions } from "../config/run-options.ts";
import type { Logger } from "../lib/logger.ts";
import { sharedCall } from "../lib/shared-call.ts";
import type { BatchedWriter } from "../net/batched-writer.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { CertificateManager } from "./certificates/certificate-manager.ts";
import { certificateFigures } from "./telemetry/certificate-figures.ts";
import { expositionType, formatMetrics } from "./telemetry/exposition.ts";
import { listenForMetrics, type MetricsListener } from "./telemetry/metrics-listener.ts";
import { spanFigures } from "./telemetry/span-figures.ts";
import { logFigure, processFigures } from "./telemetry/process-figures.ts";
import { targetFigures } from "./telemetry/target-figures.ts";
import type { Serving } from "./workers/serving.ts";
import { workerFigures } from "./workers/worker-figures.ts";

/** Null where there is no port for them. */
export function listenForFigures(
  options: RunOptions,
  serving: Serving,
  certificates: CertificateManager,
  controlPlane: Pick<ControlPlane, "targetHealth">,
  output: BatchedWriter,
  logger: Logger,
): MetricsListener | null {
  if (options.metricsPort === 0) return null;
  const address = { hostname: options.bind, port: options.metricsPort };
  // The kernel walks the memory of all processes for it.
  const render = sharedCall(async () => {
    const workers = await serving.describe();
    const { spans } = await serving.plane.samples();
    const pids = workers.map(({ pid }) => pid).filter((pid) => pid !== 0);
    return formatMetrics(await serving.plane.metrics(), [
      logFigure(output.droppedLines),
      ...(spans === undefined ? [] : spanFigures(spans)),
      ...certificateFigures(certificates.expiries(), certificates.failedOrders),
      ...targetFigures(controlPlane.targetHealth()),
      ...workerFigures(workers),
      ...processFigures(pids),
    ]);
  });
  const listener = listenForMetrics(address, expositionType, render);
  logger.info("Metrics enabled", { address: `${options.bind}:${listener.port}` });
  return listener;
}
