import { expect, test } from "bun:test";
import type { DeployedService } from "../../../src/control-plane/deployed-service.ts";
import { describeServices } from "../../../src/control-plane/describe.ts";
import { ServiceRegistry } from "../../../src/control-plane/service-registry.ts";
import type { ServiceDescription } from "../../../src/control-plane/socket/protocol.ts";
import { targetOptions } from "../../support/service-options.ts";
import { deployedService } from "../../support/deployed-service.ts";

const service = (name: string, host: string): DeployedService =>
  deployedService(name, { hosts: [host] });

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
