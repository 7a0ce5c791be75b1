/** Options as a deploy without flags sends them, and commands made of them. */
import { commandDefaults } from "../../src/config/defaults.ts";
import type { ServiceOptions, TargetOptions } from "../../src/config/options.ts";
import { fallbacksOf } from "../../src/config/setting.ts";
import { healthCheckSettings, serviceSettings, targetSettings } from "../../src/config/settings.ts";
import type { DeployCommand } from "../../src/control-plane/socket/protocol.ts";

export function serviceOptions(changes: Partial<ServiceOptions> = {}): ServiceOptions {
  return {
    ...fallbacksOf(serviceSettings),
    acmeCachePath: "/home/kamal-proxy/.config/kamal-proxy/certs",
    ...changes,
  };
}

export function targetOptions(changes: Partial<TargetOptions> = {}): TargetOptions {
  return {
    healthCheck: fallbacksOf(healthCheckSettings),
    ...fallbacksOf(targetSettings),
    forwardHeaders: true,
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
    deployTimeoutMs: commandDefaults.deployTimeoutMs,
    drainTimeoutMs: commandDefaults.drainTimeoutMs,
    force: false,
    ...changes,
  };
}
