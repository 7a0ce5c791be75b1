/** The flags of `deploy`, and those that `rollout deploy` shares with it. */
import { deployDefaults } from "../../config/defaults.ts";
import { certificateFolder, dataFolder, type Environment } from "../../config/paths.ts";
import { bool, duration, int, string, strings } from "./flags.ts";

export type DeployFlags = ReturnType<typeof deployFlags>;

export function deployFlags(environment: Environment) {
  return {
    ...groupFlags(),
    force: bool("Do not wait for the targets to be healthy"),
    ...routingFlags(),
    ...tlsFlags(environment),
    ...healthCheckFlags(),
    ...requestFlags(),
    ...bufferFlags(),
    ...telemetryFlags(),
  };
}

/** The targets that are deployed together, and the time for it; `rollout deploy` has the same. */
export function groupFlags() {
  return {
    target: strings("Address of a target, host or host:port (repeatable, required)"),
    "read-target": strings("Address of a target for reads only (repeatable)"),
    "deploy-timeout": duration(
      "Time that the targets have to become healthy",
      deployDefaults.deployTimeoutMs,
    ),
    "drain-timeout": duration(
      "Time that requests to replaced targets have to finish",
      deployDefaults.drainTimeoutMs,
    ),
  };
}

function routingFlags() {
  return {
    host: strings("Host name of the service (repeatable; none: any host)"),
    "path-prefix": strings("Path below which the service answers (repeatable)"),
    "strip-path-prefix": bool("Take the path prefix off before a request is forwarded", true),
    "canonical-host": string("Host to which requests for the other hosts are redirected"),
    "writer-affinity-timeout": duration(
      "Time after a write in which the same client's reads go to writers",
      deployDefaults.writerAffinityTimeoutMs,
    ),
    "read-target-websockets": bool("Send WebSockets to read targets when there are any"),
  };
}

function tlsFlags(environment: Environment) {
  return {
    tls: bool("Serve over TLS (needs a host)"),
    "tls-redirect": bool("Redirect plain HTTP to HTTPS", true),
    "tls-certificate-path": string("File with an own certificate and its chain (PEM)"),
    "tls-private-key-path": string("File with the private key of the certificate (PEM)"),
    "tls-on-demand-url": string(
      "URL or path that is asked, with the parameter host, if a host may have a certificate",
    ),
    "tls-staging": bool("Take certificates from the staging environment of Let's Encrypt"),
    "tls-acme-cache-path": string(
      "Folder of the obtained certificates",
      certificateFolder(dataFolder(environment)),
    ),
  };
}

function healthCheckFlags() {
  return {
    "health-check-path": string("Path of the health check", deployDefaults.healthCheckPath),
    "health-check-port": int(
      "Port of the health check (0: the target's own)",
      deployDefaults.healthCheckPort,
    ),
    "health-check-host": string("Host header of the health check (none: the target's address)"),
    "health-check-interval": duration(
      "Time between two health checks",
      deployDefaults.healthCheckIntervalMs,
    ),
    "health-check-timeout": duration(
      "Time that one health check may take",
      deployDefaults.healthCheckTimeoutMs,
    ),
  };
}

function requestFlags() {
  return {
    "target-timeout": duration(
      "Time that a target has to begin its response (0s: no limit)",
      deployDefaults.targetTimeoutMs,
    ),
    "forward-headers": bool("Trust X-Forwarded headers of clients (not given: unless --tls)"),
    "client-ip-header": string("Request header that holds the address of the client"),
    "scope-cookie-paths": bool("Put the path prefix before the path of cookies"),
    "error-pages": string("Folder of own error pages, such as 503.html"),
  };
}

function bufferFlags() {
  return {
    "buffer-requests": bool("Read a request as a whole before it is forwarded"),
    "buffer-responses": bool("Read a response as a whole before it is sent to the client"),
    "buffer-memory": int(
      "Bytes of a buffered body that are kept in memory; the rest goes to a file",
      deployDefaults.bufferMemoryBytes,
    ),
    "max-request-body": int("Bytes that a buffered request body may have (0: no limit)"),
    "max-response-body": int("Bytes that a buffered response body may have (0: no limit)"),
  };
}

function telemetryFlags() {
  return {
    "log-request-header": strings("Request header to be logged (repeatable)"),
    "log-response-header": strings("Response header to be logged (repeatable)"),
    "exclude-metrics-path": strings("Path whose requests are left out of the metrics (repeatable)"),
  };
}
