/** What `run` has of traces when its environment says nothing. */
import type { TracingSettings } from "../../src/config/tracing-settings.ts";

export function noTracing(): TracingSettings {
  return {
    endpoint: null,
    headers: [],
    resource: [["service.name", "kamal-proxy"]],
    sampler: { parentBased: true, ratio: 1 },
  };
}
