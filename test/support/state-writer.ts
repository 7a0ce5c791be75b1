/** A program that saves growing state for ever and says on stdout what is on disk: for killing it. */
import { deployLayers } from "../../src/config/setting-layers.ts";
import { normalizeServiceOptions } from "../../src/config/validate-options.ts";
import type { StateEntry } from "../../src/control-plane/state/state-entry.ts";
import { StateStore } from "../../src/control-plane/state/state-store.ts";
import { RecordingLogger } from "./recording-logger.ts";
import { serviceOptions, targetOptions } from "./service-options.ts";

const store = new StateStore({ path: process.argv[2]!, logger: new RecordingLogger() });
const entries: StateEntry[] = await store.load();
for (;;) {
  const number = entries.length;
  const options = normalizeServiceOptions(serviceOptions({ hosts: [`${number}.example.com`] }));
  entries.push({
    kind: "service",
    service: {
      name: `service-${number}`,
      options,
      targetOptions: targetOptions(),
      layers: deployLayers({ options, targetOptions: targetOptions() }, undefined),
      activeTargets: [`web-${number}:80`],
      activeReaders: [],
      rolloutTargets: null,
      rolloutReaders: null,
      pause: { state: "running", stopMessage: "", failAfterMs: 0 },
      rolloutSplit: null,
      rolloutPlan: null,
    },
  });
  await store.save(() => entries);
  process.stdout.write(`${entries.length}\n`);
}
