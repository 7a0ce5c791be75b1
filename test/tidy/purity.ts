import { roots } from "./layers.ts";

/**
 * Who may ask for the time, roll dice, set timers, or talk to the machine. Everything that is not below a
 * name in `impure`, or is below a longer one in `pure`, takes values and gives values: what it needs of the
 * world is handed in.
 */
export const impure: readonly string[] = [
  ...roots,
  "engine-environment",
  "access/system-passwords",
  "cli/doctor/system-probes",
  "cli/top/keyboard",
  "cli/top/text-cells",
  "net",
  "lib/atomic-file",
  "lib/control-group",
  "lib/clock",
  "lib/granted-cores",
  "lib/ignored-signals",
  "lib/input-file",
  "lib/international-name",
  "lib/keyed-hash",
  "lib/log-time",
  "lib/pem",
  "lib/regular-file",
  "lib/running-time",
  "lib/secret-input",
  "lib/usable-memory",
  "control-plane/affinity-key",
  "control-plane/certificates",
  "control-plane/health/grpc-health-request",
  "control-plane/health/health-probe",
  "control-plane/health/health-request",
  "control-plane/settings-files",
  "control-plane/machine-facts",
  "control-plane/socket",
  "control-plane/state/state-store",
  "control-plane/telemetry",
  "control-plane/upgrade/rehearsal",
  "control-plane/upgrade/upgrade",
  "control-plane/workers/launch-workers",
  "control-plane/workers/spawned-worker",
  "data-plane/http2",
  "data-plane/listeners",
  "data-plane/proxy/answers/error-page-files",
  "data-plane/proxy/client-address",
  "data-plane/proxy/policies/session-affinity",
  "data-plane/proxy/bodies/spooled-body",
  "data-plane/upstream",
];

export const pure: readonly string[] = [
  "control-plane/certificates/automatic/on-demand",
  "control-plane/certificates/automatic/renewal",
  "control-plane/certificates/tls-services",
  "control-plane/settings-files/app-layer",
  "control-plane/settings-files/file-layer",
  "control-plane/socket/framing",
  "control-plane/socket/protocol",
  "control-plane/socket/rollout-protocol",
  "control-plane/telemetry/exposition",
  "data-plane/listeners/http1/http1-request",
];
