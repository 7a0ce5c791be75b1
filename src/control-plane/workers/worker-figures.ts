/** What the metrics say of the workers. */
import type { WorkerDescription } from "../socket/protocol.ts";
import type { Figure } from "../telemetry/exposition.ts";

export function workerFigures(workers: readonly WorkerDescription[]): Figure[] {
  if (workers.length === 0) return [];
  const states = ["serving", "starting", "waiting", "finishing"];
  const slots = workers.filter((worker) => "worker" in worker);
  return [
    {
      name: "kamal_proxy_workers",
      help: "Worker processes by state; one that is waiting died again and again, one that is finishing was replaced by an upgrade.",
      type: "gauge",
      value: states.map((name) => {
        return {
          labels: { state: name },
          value: workers.filter(({ state }) => state === name).length,
        };
      }),
    },
    {
      name: "kamal_proxy_worker_restarts_total",
      help: "How often each worker process died and was replaced.",
      type: "counter",
      value: slots.map(({ worker, restarts }) => {
        return { labels: { worker: String(worker) }, value: restarts };
      }),
    },
  ];
}
