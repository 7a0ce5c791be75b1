import { expect, test } from "bun:test";
import { deployLayers } from "../../../src/config/setting-layers.ts";
import { parseTarget } from "../../../src/config/target-address.ts";
import { normalizeServiceOptions } from "../../../src/config/validate-options.ts";
import { running, type DeployedService } from "../../../src/control-plane/deployed-service.ts";
import { describeServices } from "../../../src/control-plane/describe.ts";
import { TargetGroup } from "../../../src/control-plane/health/target-group.ts";
import { ServiceRegistry } from "../../../src/control-plane/service-registry.ts";
import type { ServiceDescription } from "../../../src/control-plane/socket/protocol.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { RecordingLogger } from "../../support/recording-logger.ts";
import { serviceOptions, targetOptions } from "../../support/service-options.ts";

const group = (): TargetGroup =>
  new TargetGroup([parseTarget("app:80")!], [], targetOptions(), {
    clock: new ManualClock(),
    logger: new RecordingLogger(),
    probe: () => Promise.reject(new Error("nothing is asked")),
    nextTargetId: () => "t",
    healthChanged: () => {},
  });

function service(name: string, host: string): DeployedService {
  const options = normalizeServiceOptions(serviceOptions({ hosts: [host] }));
  return {
    name,
    options,
    layers: deployLayers({ options, targetOptions: targetOptions() }, undefined),
    active: group(),
    rollout: null,
    pause: running,
    rolloutSplit: null,
    rolloutPlan: null,
    errorPages: null,
    fileContents: {},
    degraded: null,
  };
}

test("the settings of a service are described once, until one of them changes", () => {
  const registry = new ServiceRegistry({ apply: async () => {} } as never);
  const web = service("web", "web.test");
  registry.restore([web, service("api", "api.test")], []);
  const described = (): Record<string, ServiceDescription> =>
    describeServices(
      registry,
      { targets: {}, held: {} },
      { certificatesOf: () => [], isFollowed: () => false },
    );
  const before = described();
  registry.set({ ...web, layers: { ...web.layers, set: { "target-timeout": 1_000 } } });
  const after = described();
  expect(after["api"]!.options).toBe(before["api"]!.options);
  expect(after["api"]!.sources).toBe(before["api"]!.sources);
  expect(after["web"]!.set).toEqual({ "target-timeout": "1s" });
  web.active.configure({ ...targetOptions(), responseTimeoutMs: 7_000 });
  expect(described()["web"]!.options["target_options"]).toMatchObject({
    response_timeout: 7_000_000_000,
  });
});
