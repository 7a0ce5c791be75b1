/** Options as a deploy without flags sends them, and commands made of them. */
import { deployDefaults } from "../../src/config/defaults.ts";
import type { ServiceOptions, TargetOptions } from "../../src/config/options.ts";
import type { DeployCommand } from "../../src/control-plane/socket/protocol.ts";

export function serviceOptions(changes: Partial<ServiceOptions> = {}): ServiceOptions {
  return {
    hosts: [],
    pathPrefixes: [],
    stripPrefix: true,
    tlsEnabled: false,
    tlsRedirect: true,
    tlsCertificatePath: "",
    tlsPrivateKeyPath: "",
    tlsOnDemandUrl: "",
    canonicalHost: "",
    acmeDirectory: "",
    acmeCachePath: "/home/kamal-proxy/.config/kamal-proxy/certs",
    errorPagePath: "",
    writerAffinityTimeoutMs: deployDefaults.writerAffinityTimeoutMs,
    readTargetsAcceptWebsockets: false,
    excludeMetricsPaths: [],
    clientIpHeader: "",
    ...changes,
  };
}

export function targetOptions(changes: Partial<TargetOptions> = {}): TargetOptions {
  return {
    healthCheck: {
      path: deployDefaults.healthCheckPath,
      port: deployDefaults.healthCheckPort,
      host: "",
      intervalMs: deployDefaults.healthCheckIntervalMs,
      timeoutMs: deployDefaults.healthCheckTimeoutMs,
    },
    responseTimeoutMs: deployDefaults.targetTimeoutMs,
    bufferRequests: false,
    bufferResponses: false,
    maxMemoryBufferBytes: deployDefaults.bufferMemoryBytes,
    maxRequestBodyBytes: 0,
    maxResponseBodyBytes: 0,
    logRequestHeaders: [],
    logResponseHeaders: [],
    forwardHeaders: true,
    scopeCookiePaths: false,
    ...changes,
  };
}

export function deployCommand(
  service: string,
  targets: string[],
  changes: Partial<Omit<DeployCommand, "command" | "service" | "targets">> = {},
): DeployCommand {
  return {
    command: "deploy",
    service,
    targets,
    readTargets: [],
    options: serviceOptions(),
    targetOptions: targetOptions(),
    deployTimeoutMs: deployDefaults.deployTimeoutMs,
    drainTimeoutMs: deployDefaults.drainTimeoutMs,
    force: false,
    ...changes,
  };
}
