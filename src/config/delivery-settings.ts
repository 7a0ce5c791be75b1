/** Settings that say how requests reach the targets of a service, and when they are given up. */
import { pathTimeoutFault } from "./path-timeout.ts";
import { emptyTimeFault, negativeFault, type SettingTable } from "./setting.ts";

const SECOND = 1_000;
const maxRetries = 10;

export const deliverySettings = {
  retries: {
    kind: "count",
    flag: "retry",
    stateKey: "retries",
    own: true,
    fallback: 0,
    fault: (value) =>
      value < 0 || value > maxRetries ? `must be between 0 and ${maxRetries}` : undefined,
    help: "How often a request that a target failed is sent again, to another one if there is one",
  },
  retryOn: {
    kind: "list",
    flag: "retry-on",
    stateKey: "retry_on",
    own: true,
    fallback: ["connect", "reset"],
    fault: (word) =>
      ["connect", "reset", "502", "503", "504"].includes(word)
        ? undefined
        : "must be connect, reset, 502, 503 or 504",
    help: "What is a failure for --retry: connect, reset, 502, 503, 504 (repeatable)",
  },
  retryMethods: {
    kind: "list",
    flag: "retry-methods",
    stateKey: "retry_methods",
    own: true,
    fallback: ["GET", "HEAD"],
    normalize: (methods: string[]) => methods.map((method) => method.toUpperCase()),
    fault: (method) => (/^[A-Za-z-]+$/.test(method) ? undefined : "must be a method"),
    help: "Methods that --retry may send again after more than a refused connection (repeatable)",
  },
  retryWithinMs: {
    kind: "duration",
    flag: "retry-within",
    stateKey: "retry_within",
    own: true,
    fallback: 0,
    fault: negativeFault,
    help: "Time in which a request may be sent again (0s: as the proxy holds requests of all services)",
  },
  requestTimeoutMs: {
    kind: "duration",
    flag: "request-timeout",
    stateKey: "request_timeout",
    own: true,
    fallback: 0,
    fault: negativeFault,
    help: "Time that a request may take in total (0s: no limit)",
  },
  pathTimeouts: {
    kind: "list",
    flag: "path-timeout",
    stateKey: "path_timeouts",
    own: true,
    fallback: [],
    fault: pathTimeoutFault,
    help: "--target-timeout of a path and all below it, such as /reports=5m (repeatable)",
  },
  sessionAffinity: {
    kind: "choice",
    words: ["none", "cookie"],
    flag: "session-affinity",
    stateKey: "session_affinity",
    own: true,
    fallback: "none",
    help: "Keep a client with its target: cookie, or none",
  },
  /** Made by the first deploy that wants it. */
  affinityKey: {
    kind: "text",
    flag: null,
    stateKey: "session_affinity_key",
    own: true,
    secret: true,
    fallback: "",
    help: "What the cookies of --session-affinity are signed with",
  },
  balance: {
    kind: "choice",
    words: ["round-robin", "least-requests"],
    flag: "balance",
    stateKey: "balance",
    own: true,
    fallback: "round-robin",
    help: "Whose turn it is: round-robin, or least-requests under way",
  },
  publishHealthCheck: {
    kind: "switch",
    flag: "publish-health-check",
    stateKey: "publish_health_check",
    own: true,
    fallback: false,
    help: "Tell at /.kamal-proxy/SERVICE/health whether the service is served",
  },
  traceContext: {
    kind: "choice",
    words: ["off", "propagate", "generate"],
    flag: "trace-context",
    stateKey: "trace_context",
    own: true,
    fallback: "off",
    help: "Take part in the traces of clients (propagate), and begin one where there is none (generate)",
  },
  ejectAfter: {
    kind: "count",
    flag: "eject-after",
    stateKey: "eject_after",
    own: true,
    fallback: 0,
    fault: negativeFault,
    help: "Failed requests in a row after which a target gets none for a while (0: never)",
  },
  ejectForMs: {
    kind: "duration",
    flag: "eject-for",
    stateKey: "eject_for",
    own: true,
    fallback: 10 * SECOND,
    fault: emptyTimeFault,
    help: "How long --eject-after takes a target out, twice as long each time that it fails again",
  },
} as const satisfies SettingTable;
