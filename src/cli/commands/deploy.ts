/** `kamal-proxy deploy <service>` */
import { asciiHosts } from "../../config/ascii-hosts.ts";
import { hashedLike, plainCredential } from "../../config/credentials.ts";
import { failOn } from "../../config/command-error.ts";
import { acmeStagingDirectory } from "../../config/defaults.ts";
import { certificateFolder } from "../../config/paths.ts";
import type { ServiceOptions, TargetOptions } from "../../config/options.ts";
import { flaggedSettings } from "../../config/setting-layers.ts";
import { healthCheckSettings, serviceSettings, targetSettings } from "../../config/settings.ts";
import {
  normalizeServiceOptions,
  normalizeTargetOptions,
  validateServiceName,
  validateServiceOptions,
  validateTargetOptions,
  validateTargets,
} from "../../config/validate-options.ts";
import { goQuote } from "../../go/quote.ts";
import { asciiName } from "../../lib/international-name.ts";
import type { CliContext } from "../context.ts";
import { cliCommand, type Input, sendQuietly } from "../cli-command.ts";
import { ensureDataFolder } from "../data-folder.ts";
import { deployFlags, type DeployFlags } from "../flags/deploy-flags.ts";
import { settingValues } from "../flags/setting-flags.ts";

type DeployInput = Input<DeployFlags>;

export const deploy = cliCommand({
  path: "deploy",
  operands: "<service>",
  summary:
    "Switches a service to new targets as soon as they are healthy; a new service is created.\n" +
    "All options are set anew by each deploy.",
  positionals: "service",
  rules: {
    required: ["target"],
    together: ["tls-certificate-path", "tls-private-key-path"],
  },
  flags: deployFlags,
  check(input) {
    rejectLimitWithoutBuffering(input, "request");
    rejectLimitWithoutBuffering(input, "response");
    const options = serviceOptions(input);
    failOn(validateServiceOptions({ ...options, basicAuth: hashedLike(options.basicAuth) }));
  },
  async run(input) {
    const { service, values, given, context } = input;
    failOn(validateServiceName(service));
    failOn(validateTargets(values.target));
    failOn(validateTargetOptions(targetOptions(input)));
    const options = serviceOptions(input);
    const basicAuth = await hashedCredentials(options.basicAuth, context);
    return sendQuietly(context, {
      command: "deploy",
      service,
      targets: values.target,
      readTargets: values["read-target"],
      options: normalizeServiceOptions({ ...options, basicAuth }),
      targetOptions: normalizeTargetOptions(targetOptions(input)),
      deployTimeoutMs: values["deploy-timeout"],
      drainTimeoutMs: values["drain-timeout"],
      force: values.force,
      given: [...given].filter((flag) => flaggedSettings.has(flag)),
    });
  },
});

/** `--buffer-requests=false` counts as given. */
function rejectLimitWithoutBuffering({ given }: DeployInput, kind: "request" | "response"): void {
  if (given.has(`max-${kind}-body`) && !given.has(`buffer-${kind}s`)) {
    failOn(`max-${kind}-body can only be set when ${kind} buffering is enabled`);
  }
}

function serviceOptions({ values, given, context }: DeployInput): ServiceOptions {
  const options = {
    ...settingValues(serviceSettings, values),
    acmeDirectory: values["tls-staging"] ? acmeStagingDirectory : "",
    acmeCachePath: given.has("tls-acme-cache-path")
      ? values["tls-acme-cache-path"]
      : certificateFolder(ensureDataFolder(context)),
  };
  return asciiHosts(options, asciiName);
}

/** No plain password goes further than here. */
async function hashedCredentials(
  entries: readonly string[],
  context: CliContext,
): Promise<string[]> {
  const hashed: string[] = [];
  for (const entry of entries) {
    const plain = plainCredential(entry);
    if (plain === null) {
      hashed.push(entry);
      continue;
    }
    await context.writeError(
      `Warning: the password of ${goQuote(plain.user)} stood in the list of processes; ` +
        "give a hash of it, as `kamal-proxy hash-password` prints it\n",
    );
    hashed.push(`${plain.user}:${await context.hashPassword(plain.secret)}`);
  }
  return hashed;
}

function targetOptions({ values, given }: DeployInput): TargetOptions {
  return {
    healthCheck: settingValues(healthCheckSettings, values),
    ...settingValues(targetSettings, values),
    forwardHeaders: given.has("forward-headers") ? values["forward-headers"] : !values.tls,
  };
}
