/** What is reported of the health of targets. */
import type { Figure } from "./exposition.ts";

export interface TargetHealth {
  service: string;
  target: string;
  /** It is one of the rollout's. */
  rollout: boolean;
  healthy: boolean;
}

export function targetFigures(targets: readonly TargetHealth[]): Figure[] {
  return [
    {
      name: "kamal_proxy_target_healthy",
      help: "Whether a target passed its last health checks, labeled by service and target.",
      type: "gauge",
      value: targets.map(({ service, target, rollout, healthy }) => {
        return { labels: { service, target, rollout: String(rollout) }, value: healthy ? 1 : 0 };
      }),
    },
  ];
}
