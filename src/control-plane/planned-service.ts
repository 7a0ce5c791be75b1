/** What a service would be by its settings, wherever they come from: checked, but not served yet. */
import { asciiHosts } from "../config/ascii-hosts.ts";
import { CommandError, failOn } from "../config/command-error.ts";
import type { ServiceOptions } from "../config/options.ts";
import { type AllOptions, layeredOptions, type SettingLayers } from "../config/setting-layers.ts";
import {
  normalizeServiceOptions,
  validateServiceOptions,
  validateTargetOptions,
} from "../config/validate-options.ts";
import { goQuote } from "../go/quote.ts";
import { asciiName } from "../lib/international-name.ts";
import type { Logger } from "../lib/logger.ts";
import type { ServiceRegistry } from "./service-registry.ts";

export interface PlannedService extends AllOptions {
  layers: SettingLayers;
}

/** `rest` has what no flag sets. Throws a CommandError when the settings can't be meant together. */
export function planService(layers: SettingLayers, rest: ServiceOptions): PlannedService {
  const { options, targetOptions } = layeredOptions(layers, rest);
  const named = asciiHosts(options, asciiName);
  failOn(validateServiceOptions(named));
  failOn(validateTargetOptions(targetOptions));
  failOn(limitFault(layers, "request", targetOptions.bufferRequests));
  failOn(limitFault(layers, "response", targetOptions.bufferResponses));
  return { layers, options: normalizeServiceOptions(named), targetOptions };
}

export function refuseConflict(
  name: string,
  options: ServiceOptions,
  { registry, logger }: { registry: ServiceRegistry; logger: Logger },
): void {
  const conflict = registry.findConflict(name, options);
  if (conflict === undefined) return;
  const { service, host, path } = conflict;
  logger.error("Host settings conflict with another service", { service, host, path });
  const where = `${host === "" ? "any host" : host} at ${path}`;
  throw new CommandError(
    `host settings conflict with another service: ${goQuote(service)} has ${where}`,
  );
}

/** What a deploy says was asked there, where `--buffer-requests=false` counts as given. */
function limitFault(
  layers: SettingLayers,
  kind: "request" | "response",
  isBuffered: boolean,
): string | undefined {
  const flag = `max-${kind}-body`;
  const { set, file, app } = layers;
  if (isBuffered || ![set, file, app].some((layer) => Object.hasOwn(layer, flag))) return undefined;
  return `${flag} can only be set when ${kind} buffering is enabled`;
}
