/**
 * Which part of the program may import which: the one place that says it. A folder stands for all that is
 * below it; the longest name that fits counts. Everybody may import from the own folder.
 */
const ground = ["config", "go", "lib"];
const shared = ["access", "seam", "net", "protocols/http", "protocols/http1", ...ground];

export const layers: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  go: ["lib"],
  config: ["go", "lib"],
  access: ["config", "lib"],
  net: ["config", "lib"],
  "protocols/http": ground,
  "protocols/http1": ["protocols/http", ...ground],
  "protocols/http2": ["protocols/http", ...ground],
  "protocols/proxy-protocol": ground,
  "protocols/tls": ground,
  seam: ground,
  "data-plane/telemetry": shared,
  "data-plane/http2": [...shared, "protocols/http2"],
  "data-plane/upstream": ["data-plane/http2", ...shared, "protocols/http2"],
  "data-plane/services": ["data-plane/upstream", ...shared],
  "data-plane/proxy": [
    "data-plane/services",
    "data-plane/upstream",
    "data-plane/telemetry",
    ...shared,
  ],
  "data-plane/listeners": [
    "data-plane/http2",
    "data-plane/proxy",
    "data-plane/services",
    "data-plane/upstream",
    "protocols/http2",
    "protocols/proxy-protocol",
    "protocols/tls",
    ...shared,
  ],
  "control-plane/socket": [
    "control-plane/certificates/certificate-details",
    "control-plane/health",
    ...shared,
  ],
  "control-plane/certificates": shared,
  "control-plane/telemetry": shared,
  "control-plane/health": [...shared, "protocols/http2"],
  "control-plane/state": shared,
  "control-plane": shared,
  // What runs in a browser: of the proxy it imports types, and the one file that `page-files` sends along.
  "status-page": [
    "control-plane/socket/status-protocol",
    "control-plane/status/page-state",
    "lib/printable-text",
  ],
  cli: [
    "control-plane/socket/client",
    "control-plane/socket/protocol",
    "control-plane/socket/rollout-protocol",
    "control-plane/socket/status-protocol",
    "control-plane/certificates/certificate-details",
    ...ground,
  ],
};

/** They put the parts together and may import everything. */
export const roots: readonly string[] = [
  "main",
  "control-plane/server",
  "data-plane/serving-plane",
  "data-plane/worker",
  "data-plane/worker-process",
];

/** The entry in the table that a module falls under: the longest name that fits. */
export function placeOf(module: string, names: readonly string[]): string | undefined {
  return names
    .filter((name) => module === name || module.startsWith(`${name}/`))
    .toSorted((one, other) => other.length - one.length)[0];
}
