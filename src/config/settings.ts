/**
 * The settings of a service, each written once: the flag of `deploy`, its help and completion, the
 * schema of the command, the state file and `list --json` are made from these tables. To add one, add a
 * row (with `own: true`, and a line in docs/configuration.md) and use it where it acts; relations between
 * settings are in `validate-options`. Rows are in the order of the state file.
 */
import { normalHostName } from "../lib/host-name.ts";
import { accessSettings } from "./access-settings.ts";
import { compressionSettings } from "./compression-settings.ts";
import { deliverySettings } from "./delivery-settings.ts";
import { hostFault } from "./host-fault.ts";
import { canonicalFieldNames, normalHosts, normalPathPrefixes } from "./normal-forms.ts";
import { rewritingSettings } from "./rewriting-settings.ts";
import type { SettingTable } from "./setting.ts";

const MB = 1024 * 1024;
const SECOND = 1_000;

/** What concerns the service as a whole; `options` in the state file. */
export const serviceSettings = {
  /** `[""]` means any host. */
  hosts: {
    kind: "list",
    flag: "host",
    operatorOnly: true,
    stateKey: "hosts",
    fallback: [],
    normalize: normalHosts,
    fault: hostFault,
    help: "Host name of the service (repeatable; none: any host)",
  },
  pathPrefixes: {
    kind: "list",
    flag: "path-prefix",
    operatorOnly: true,
    stateKey: "path_prefixes",
    fallback: [],
    normalize: normalPathPrefixes,
    help: "Path below which the service answers (repeatable)",
  },
  tlsEnabled: {
    kind: "switch",
    flag: "tls",
    operatorOnly: true,
    stateKey: "tls_enabled",
    fallback: false,
    help: "Serve over TLS (needs a host)",
  },
  tlsCertificatePath: {
    kind: "text",
    flag: "tls-certificate-path",
    stateKey: "tls_certificate_path",
    fallback: "",
    file: true,
    help: "File with an own certificate and its chain (PEM)",
  },
  tlsPrivateKeyPath: {
    kind: "text",
    flag: "tls-private-key-path",
    stateKey: "tls_private_key_path",
    fallback: "",
    file: true,
    help: "File with the private key of the certificate (PEM)",
  },
  tlsOnDemandUrl: {
    kind: "text",
    flag: "tls-on-demand-url",
    operatorOnly: true,
    stateKey: "tls_on_demand_url",
    fallback: "",
    help: "URL or path that is asked, with the parameter host, if a host may have a certificate",
  },
  tlsRedirect: {
    kind: "switch",
    flag: "tls-redirect",
    operatorOnly: true,
    stateKey: "tls_redirect",
    fallback: true,
    help: "Redirect plain HTTP to HTTPS",
  },
  canonicalHost: {
    kind: "text",
    flag: "canonical-host",
    operatorOnly: true,
    stateKey: "canonical_host",
    fallback: "",
    normalize: normalHostName,
    fault: hostFault,
    help: "Host to which requests for the other hosts are redirected",
  },
  /** Empty: the default directory. */
  acmeDirectory: {
    kind: "text",
    flag: null,
    stateKey: "acme_directory",
    fallback: "",
    help: "Directory of the certificate authority; `--tls-staging` sets it",
  },
  acmeCachePath: {
    kind: "text",
    flag: "tls-acme-cache-path",
    stateKey: "acme_cache_path",
    fallback: "",
    file: true,
    help: "Folder of the obtained certificates",
  },
  errorPagePath: {
    kind: "text",
    flag: "error-pages",
    stateKey: "error_page_path",
    fallback: "",
    file: true,
    help: "Folder of own error pages, such as 503.html",
  },
  stripPrefix: {
    kind: "switch",
    flag: "strip-path-prefix",
    stateKey: "strip_prefix",
    fallback: true,
    help: "Take the path prefix off before a request is forwarded",
  },
  writerAffinityTimeoutMs: {
    kind: "duration",
    flag: "writer-affinity-timeout",
    stateKey: "writer_affinity_timeout",
    fallback: 1 * SECOND,
    help: "Time after a write in which the same client's reads go to writers",
  },
  readTargetsAcceptWebsockets: {
    kind: "switch",
    flag: "read-target-websockets",
    stateKey: "read_targets_accept_websockets",
    fallback: false,
    help: "Send WebSockets to read targets when there are any",
  },
  excludeMetricsPaths: {
    kind: "list",
    flag: "exclude-metrics-path",
    stateKey: "exclude_metrics_paths",
    fallback: [],
    help: "Path whose requests are left out of the metrics (repeatable)",
  },
  clientIpHeader: {
    kind: "text",
    flag: "client-ip-header",
    operatorOnly: true,
    stateKey: "client_ip_header",
    fallback: "",
    help: "Request header that holds the address of the client",
  },
  ...accessSettings,
  ...rewritingSettings,
  ...deliverySettings,
  ...compressionSettings,
} as const satisfies SettingTable;

/** `target_options.health_check_config` in the state file. */
export const healthCheckSettings = {
  protocol: {
    kind: "choice",
    words: ["http", "grpc"],
    flag: "health-check-protocol",
    operatorOnly: true,
    stateKey: "protocol",
    own: true,
    fallback: "http",
    help: "How targets are asked for their health: http, or grpc (grpc.health.v1)",
  },
  path: {
    kind: "text",
    flag: "health-check-path",
    operatorOnly: true,
    stateKey: "path",
    fallback: "/up",
    help: "Path of the health check",
  },
  port: {
    kind: "count",
    flag: "health-check-port",
    operatorOnly: true,
    stateKey: "port",
    fallback: 0,
    help: "Port of the health check (0: the target's own)",
  },
  intervalMs: {
    kind: "duration",
    flag: "health-check-interval",
    operatorOnly: true,
    stateKey: "interval",
    fallback: 1 * SECOND,
    help: "Time between two health checks",
  },
  timeoutMs: {
    kind: "duration",
    flag: "health-check-timeout",
    operatorOnly: true,
    stateKey: "timeout",
    fallback: 5 * SECOND,
    help: "Time that one health check may take",
  },
  host: {
    kind: "text",
    flag: "health-check-host",
    operatorOnly: true,
    stateKey: "host",
    fallback: "",
    help: "Host header of the health check (none: the target's address)",
  },
} as const satisfies SettingTable;

/**
 * What stays with the targets of a deploy, also beside newer ones in a rollout; `target_options` in the
 * state file.
 */
export const targetSettings = {
  /** `auto`: HTTP/1.1, but gRPC by HTTP/2 in plain with prior knowledge. */
  targetProtocol: {
    kind: "choice",
    words: ["auto", "h1", "h2c"],
    flag: "target-protocol",
    stateKey: "target_protocol",
    own: true,
    fallback: "auto",
    help: "Protocol spoken with targets: h1, h2c, or auto (h1, and h2c for gRPC)",
  },
  /** From the end of the request to the end of the response head. */
  responseTimeoutMs: {
    kind: "duration",
    flag: "target-timeout",
    stateKey: "response_timeout",
    fallback: 30 * SECOND,
    help: "Time that a target has to begin its response (0s: no limit)",
  },
  bufferRequests: {
    kind: "switch",
    flag: "buffer-requests",
    stateKey: "buffer_requests",
    fallback: false,
    help: "Read a request as a whole before it is forwarded",
  },
  bufferResponses: {
    kind: "switch",
    flag: "buffer-responses",
    stateKey: "buffer_responses",
    fallback: false,
    help: "Read a response as a whole before it is sent to the client",
  },
  maxMemoryBufferBytes: {
    kind: "bytes",
    flag: "buffer-memory",
    stateKey: "max_memory_buffer_size",
    fallback: 1 * MB,
    help: "Bytes of a buffered body that are kept in memory; the rest goes to a file",
  },
  maxRequestBodyBytes: {
    kind: "bytes",
    flag: "max-request-body",
    stateKey: "max_request_body_size",
    fallback: 0,
    help: "Bytes that a buffered request body may have (0: no limit)",
  },
  maxResponseBodyBytes: {
    kind: "bytes",
    flag: "max-response-body",
    stateKey: "max_response_body_size",
    fallback: 0,
    help: "Bytes that a buffered response body may have (0: no limit)",
  },
  logRequestHeaders: {
    kind: "list",
    flag: "log-request-header",
    stateKey: "log_request_headers",
    fallback: [],
    normalize: canonicalFieldNames,
    help: "Request header to be logged (repeatable)",
  },
  logResponseHeaders: {
    kind: "list",
    flag: "log-response-header",
    stateKey: "log_response_headers",
    fallback: [],
    normalize: canonicalFieldNames,
    help: "Response header to be logged (repeatable)",
  },
  forwardHeaders: {
    kind: "switch",
    flag: "forward-headers",
    operatorOnly: true,
    stateKey: "forward_headers",
    fallback: false,
    help: "Trust X-Forwarded headers of clients (not given: unless --tls)",
  },
  scopeCookiePaths: {
    kind: "switch",
    flag: "scope-cookie-paths",
    stateKey: "scope_cookie_paths",
    fallback: false,
    help: "Put the path prefix before the path of cookies",
  },
  /** `host:port=3`, of `;weight=3` behind the address of a target; those that are not here weigh 1. */
  targetWeights: {
    kind: "list",
    flag: null,
    stateKey: "target_weights",
    own: true,
    fallback: [],
    help: "How many requests targets get, compared with the others",
  },
} as const satisfies SettingTable;
