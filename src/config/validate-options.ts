/** What the options of a service must fulfil, before a deploy is sent and again before it is done. */
import { accessFault } from "./validate-access.ts";
import { normalHostName } from "../lib/host-name.ts";
import { maxPort } from "./limits.ts";
import { normalHosts, normalPathPrefixes, withoutBrackets } from "./normal-forms.ts";
import { parsePathRule, redirectLoop } from "./path-rule.ts";
import type { ServiceOptions, TargetOptions } from "./options.ts";
import { normalizeValues, valuesFault } from "./setting.ts";
import { healthCheckSettings, serviceSettings, targetSettings } from "./settings.ts";
import { wwwRedirects } from "./www-hosts.ts";
import { goQuote } from "../go/quote.ts";
import { parseTlsOnDemandUrl } from "./tls-on-demand-url.ts";

const rootPath = "/";
/** Blanks and what would end the line of the Host field. */
// eslint-disable-next-line no-control-regex
const noHost = /[\u0000-\u0020\u007f]/;

/** Applying it twice changes nothing. */
export function normalizeServiceOptions(options: ServiceOptions): ServiceOptions {
  return normalizeValues(serviceSettings, options);
}

export function normalizeTargetOptions(options: TargetOptions): TargetOptions {
  const { healthCheck } = options;
  return { healthCheck, ...normalizeValues(targetSettings, options) };
}

/** The complete error text, undefined when all is well. Names are shown as they were given. */
export function validateServiceOptions(options: ServiceOptions): string | undefined {
  const fault =
    tlsFault(options) ??
    canonicalHostFault(options) ??
    valuesFault(serviceSettings, options) ??
    accessFault(options) ??
    rewritingFault(options);
  return fault === undefined ? undefined : `service options invalid: ${fault}`;
}

export function validateTargetOptions(options: TargetOptions): string | undefined {
  const { intervalMs, port, host } = options.healthCheck;
  if (!(intervalMs > 0)) return "health-check-interval must be greater than 0s";
  if (port < 0 || port > maxPort) return `health-check-port must be between 0 and ${maxPort}`;
  if (noHost.test(host)) return "health-check-host must not have blanks or control characters";
  return (
    valuesFault(healthCheckSettings, options.healthCheck) ?? valuesFault(targetSettings, options)
  );
}

/** The log and the metrics have the empty name for requests of no service. */
export function validateServiceName(name: string): string | undefined {
  return name === "" ? "the name of the service must not be empty" : undefined;
}

/** For the targets of `deploy` and `rollout deploy`. Readers alone could not take a write. */
export function validateTargets(targets: readonly string[]): string | undefined {
  return targets.length === 0 ? "at least one target must be given" : undefined;
}

export function validatePercentage(percentage: number): string | undefined {
  return percentage >= 0 && percentage <= 100 ? undefined : "percent must be between 0 and 100";
}

function tlsFault(options: ServiceOptions): string | undefined {
  if (!options.tlsEnabled) {
    return options.tlsOnDemandUrl === ""
      ? undefined
      : "TLS must be enabled to use a TLS on-demand URL";
  }
  const fault = options.tlsOnDemandUrl === "" ? hostsFault(options) : onDemandFault(options);
  if (fault !== undefined) return fault;
  if (!normalPathPrefixes(options.pathPrefixes).includes(rootPath)) {
    return "TLS settings must be specified on the root path service";
  }
  return undefined;
}

function hostsFault(options: ServiceOptions): string | undefined {
  return hasOnlyNamedHosts(options) ? undefined : "host must be set when using TLS";
}

function onDemandFault(options: ServiceOptions): string | undefined {
  if (hasOnlyNamedHosts(options)) return "cannot set hosts when using a TLS on-demand URL";
  if (options.tlsCertificatePath !== "" || options.tlsPrivateKeyPath !== "") {
    return "cannot use a custom TLS certificate with a TLS on-demand URL";
  }
  if (options.canonicalHost !== "") {
    return "cannot set a canonical host when using a TLS on-demand URL";
  }
  const parsed = parseTlsOnDemandUrl(options.tlsOnDemandUrl);
  return "error" in parsed ? parsed.error : undefined;
}

function canonicalHostFault(options: ServiceOptions): string | undefined {
  const { canonicalHost, hosts } = options;
  const names = normalHosts(hosts);
  if (canonicalHost === "" || names[0] === "") return undefined;
  if (names.includes(withoutBrackets(normalHostName(canonicalHost)))) return undefined;
  return `canonical-host '${canonicalHost}' must be present in the hosts list: [${hosts.join(" ")}]`;
}

/** What only shows with all rules and hosts together. */
function rewritingFault(options: ServiceOptions): string | undefined {
  const { hosts, redirects, www, canonicalHost } = options;
  const names = normalHosts(hosts);
  const byWww = wwwRedirects(names, www);
  if (www !== "none" && byWww.size === 0) {
    return `--www ${www} needs a name among the hosts both with and without www.`;
  }
  if (byWww.has(normalHostName(canonicalHost))) {
    return `--www ${www} leads away from --canonical-host ${canonicalHost}, which leads back`;
  }
  const loop = redirectLoop(redirects.map(parsePathRule), names);
  return loop === undefined ? undefined : `--redirect ${goQuote(loop)} leads to itself`;
}

function hasOnlyNamedHosts(options: ServiceOptions): boolean {
  return options.hosts.length > 0 && !options.hosts.includes("");
}
