import { describe, expect, test } from "bun:test";
import type { DeployedService } from "../../../src/control-plane/deployed-service.ts";
import { ServiceRegistry } from "../../../src/control-plane/service-registry.ts";
import type { Snapshot } from "../../../src/seam/snapshot.ts";
import { deployedService } from "../../support/deployed-service.ts";

const service = (name: string, path: string, tlsEnabled = false): DeployedService =>
  deployedService(name, { hosts: ["a.test"], pathPrefixes: [path], tlsEnabled });

function belowPaths(count: number): DeployedService[] {
  return Array.from({ length: count }, (_, index) => service(`s${index}`, `/p${index}`));
}

function recordingRegistry() {
  const published: Snapshot[] = [];
  const registry = new ServiceRegistry({
    apply: (snapshot: Snapshot) => void published.push(snapshot),
  } as never);
  return { registry, published };
}

/** How often the options of any of so many services are looked at while one of them is deployed. */
function looksAtADeploy(count: number): number {
  let looks = 0;
  const watched = belowPaths(count).map(({ options, ...rest }) => ({
    ...rest,
    get options() {
      looks++;
      return options;
    },
  }));
  const { registry } = recordingRegistry();
  registry.restore(watched, []);
  looks = 0;
  registry.set(service("s0", "/p0"));
  return looks;
}

describe("ServiceRegistry", () => {
  test("makes nothing anew for services that a deploy does not concern", () => {
    const { registry, published } = recordingRegistry();
    registry.restore(belowPaths(10), []);
    const savedBefore = registry.stateEntries();
    registry.set(service("s3", "/p3"));
    const savedAfter = registry.stateEntries();
    const [before, after] = published.map(({ services }) => services);
    const changed = after!.filter((snapshot, index) => snapshot !== before![index]);
    expect(changed.map(({ name }) => name)).toEqual(["s3"]);
    expect(savedAfter.filter((entry) => savedBefore.includes(entry)).length).toBe(9);
  });

  test("follows the TLS settings of the root of the host", () => {
    const { registry, published } = recordingRegistry();
    registry.restore(belowPaths(2), []);
    registry.set(service("root", "/", true));
    expect(published.at(-1)!.services.map(({ options }) => options.tlsEnabled)).toEqual([
      true,
      true,
      true,
    ]);
    registry.set(service("root", "/", false));
    expect(published.at(-1)!.services.some(({ options }) => options.tlsEnabled)).toBe(false);
    registry.set(service("root", "/", true));
    registry.set(service("s0", "/other"));
    expect(registry.findConflict("new", service("new", "/p0").options)).toBeUndefined();
    expect(registry.findConflict("new", service("new", "/other").options)?.service).toBe("s0");
    registry.remove("root");
    expect(published.at(-1)!.services.map(({ options }) => options.tlsEnabled)).toEqual([
      false,
      false,
    ]);
  });

  test("a publication costs in proportion to the services, not to their square", () => {
    const few = looksAtADeploy(20);
    expect(few).toBeGreaterThan(0);
    expect(looksAtADeploy(200)).toBeLessThan(few * 12);
  });
});
