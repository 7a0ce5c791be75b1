/** Services of the control plane, of which nobody asks whether they are healthy. */
import type { ServiceOptions } from "../../src/config/options.ts";
import { deployLayers } from "../../src/config/setting-layers.ts";
import { parseTarget } from "../../src/config/target-address.ts";
import { normalizeServiceOptions } from "../../src/config/validate-options.ts";
import { type DeployedService, running } from "../../src/control-plane/deployed-service.ts";
import { TargetGroup } from "../../src/control-plane/health/target-group.ts";
import { ManualClock } from "./manual-clock.ts";
import { RecordingLogger } from "./recording-logger.ts";
import { serviceOptions, targetOptions } from "./service-options.ts";

/** It has one target. */
export function deployedService(name: string, part: Partial<ServiceOptions>): DeployedService {
  const options = normalizeServiceOptions(serviceOptions(part));
  return {
    name,
    options,
    layers: deployLayers({ options, targetOptions: targetOptions() }, undefined),
    active: new TargetGroup([parseTarget("app:80")!], [], targetOptions(), {
      clock: new ManualClock(),
      logger: new RecordingLogger(),
      probe: () => Promise.reject(new Error("nothing is asked")),
      nextTargetId: () => "t",
      healthChanged: () => null,
    }),
    rollout: null,
    pause: running,
    rolloutSplit: null,
    rolloutPlan: null,
    errorPages: null,
    fileContents: {},
    degraded: null,
  };
}
