/** Who serves for the control plane: the workers, or where they are not possible, this process itself. */
import { CommandError } from "../../config/command-error.ts";
import { messageOf } from "../../lib/error-text.ts";
import type { DataPlane } from "../../seam/data-plane.ts";
import { workerMetricsIntervalMs } from "../../config/worker-limits.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import type { ServiceMetrics } from "../../seam/service-metrics.ts";
import type { DistantDataPlane } from "../../seam/distant-data-plane.ts";
import type { DataPlaneOptions, ListeningPorts } from "../../seam/plane-calls.ts";
import type { WorkerDescription } from "../socket/protocol.ts";

/** To be told what is published before it is opened, and while it serves. */
export interface Serving {
  readonly plane: DataPlane;
  /** Resolves when everything that was published is served. Throws a CommandError with the reason. */
  open(): Promise<ListeningPorts>;
  /** What is left is cut; resolves when the last lines of the log have arrived. */
  end(): Promise<void>;
  describe(): Promise<WorkerDescription[]>;
  /** Is told what all have counted, about once a second, from its opening on. */
  onMetrics: ((metrics: readonly ServiceMetrics[]) => void) | null;
}

/** One data plane in this process, at the other end of the seam. */
export function serveInOneProcess(
  plane: DistantDataPlane,
  options: DataPlaneOptions,
  clock: Clock,
): Serving {
  void plane.start(options);
  let timer: Timer | null = null;
  const count = (): void => {
    timer = clock.after(workerMetricsIntervalMs, () => {
      void plane.metrics().then((metrics) => serving.onMetrics?.(metrics));
      count();
    });
  };
  const serving: Serving = {
    plane,
    async open() {
      try {
        const ports = await plane.listen();
        if (serving.onMetrics !== null) count();
        return ports;
      } catch (error) {
        throw new CommandError(messageOf(error));
      }
    },
    async end() {
      timer?.cancel();
      await plane.end();
    },
    describe: async () => [],
    onMetrics: null,
  };
  return serving;
}
