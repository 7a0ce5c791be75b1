/** `kamal-proxy run` */
import { readAcmeSettings } from "../../config/acme-settings.ts";
import { readSharedStoreSettings } from "../../config/shared-store-settings.ts";
import { CommandError } from "../../config/command-error.ts";
import { bufferMemoryTotalFor } from "../../config/defaults.ts";
import { maxPort } from "../../config/limits.ts";
import { maxWorkers } from "../../config/worker-limits.ts";
import { readVariable, type RunSetting } from "../../config/environment.ts";
import { type Environment, settingsFolder, socketPath } from "../../config/paths.ts";
import type { RunOptions } from "../../config/run-options.ts";
import {
  authoritySettings,
  certificateStoreSettings,
  runSettings,
} from "../../config/run-settings.ts";
import { readTracingSettings, tracingSettings } from "../../config/tracing-settings.ts";
import { mapTable, optionFault, type ValuesOf } from "../../config/setting.ts";
import { cliCommand, type Input } from "../cli-command.ts";
import { ownDataFolder } from "../data-folder.ts";
import type { FlagTable } from "../flags/flags.ts";
import { flagsOf, type FlagsOf } from "../flags/setting-flags.ts";
import { columns, defaultText } from "../help.ts";

type RunFlags = FlagsOf<typeof runSettings>;
type RunValues = ValuesOf<typeof runSettings>;

export const run = cliCommand({
  path: "run",
  summary: "Runs the proxy until it is told to stop.",
  positionals: "any",
  flags: runFlags,
  notes: variableNotes(),
  run: (input) => input.context.serve(runOptions(input)),
});

/** The help shows what kamal-proxy's own variables make the default. */
function runFlags(environment: Environment): RunFlags {
  const flags = Object.entries<RunSetting>(flagsOf(runSettings)).map(([name, setting]) => {
    const variable = setting.lenient === true ? readVariable(setting, environment) : undefined;
    return [name, variable === undefined ? setting : { ...setting, fallback: variable }];
  });
  return Object.fromEntries(flags) as RunFlags;
}

function variableNotes(): string {
  const rows = Object.values<RunSetting>({
    ...runSettings,
    ...authoritySettings,
    ...certificateStoreSettings,
    ...tracingSettings,
  })
    .filter(({ flag }) => flag === null)
    .map((setting) => [setting.variables.join(", "), withDefault(setting)] as const);
  return `Environment variables without a flag:\n${columns(rows)}`;
}

function withDefault(setting: RunSetting): string {
  const shown = defaultText(setting);
  return shown === "" ? setting.help : `${setting.help} (default ${shown})`;
}

function runOptions(input: Input<RunFlags>): RunOptions {
  const { given, context } = input;
  const { environment } = context;
  const values = runValues(input);
  rejectPort(values.metricsPort);
  rejectPort(values.httpPort);
  rejectPort(values.httpsPort);
  const { headerTimeoutMs, idleTimeoutMs, stallTimeoutMs, maxHeaderBytes, ...others } = values;
  const hasTrustedProxies =
    given.has("trusted-proxies") ||
    readVariable(runSettings.trustedProxies, environment) !== undefined;
  const trustedProxies = hasTrustedProxies
    ? values.trustedProxies.map((block) => block.trim())
    : null;
  // Who may say where a connection comes from? Never everybody.
  if (values.proxyProtocol && (trustedProxies ?? []).length === 0) {
    throw new CommandError(
      "proxy-protocol needs trusted-proxies: the addresses that send the header",
    );
  }
  const usableMemoryBytes = context.usableMemoryBytes();
  return {
    ...others,
    usableMemoryBytes,
    bufferMemoryTotalBytes:
      readVariable(runSettings.bufferMemoryTotalBytes, environment) ??
      bufferMemoryTotalFor(usableMemoryBytes),
    workers:
      readVariable(runSettings.workers, environment) ??
      Math.min(context.grantedCores(), maxWorkers),
    socketPath: socketPath(environment),
    dataPath: ownDataFolder(context),
    settingsFolder: settingsFolder(environment),
    limits: { headerTimeoutMs, idleTimeoutMs, stallTimeoutMs, maxHeaderBytes },
    tracing: readTracingSettings(environment),
    acme: readAcmeSettings(environment),
    certificateStore: readSharedStoreSettings(environment),
    trustedProxies,
  };
}

/** A flag, then a variable, then the fallback. */
function runValues({ values, given, context }: Input<RunFlags>): RunValues {
  const flags: ValuesOf<FlagTable> = values;
  return mapTable(runSettings, (setting: RunSetting) => {
    const { flag, fallback, lenient } = setting;
    // What a lenient variable says is the flag's default already.
    if (flag === null || (!given.has(flag) && lenient !== true)) {
      return readVariable(setting, context.environment) ?? fallback;
    }
    const fault = optionFault(setting, flags[flag]!);
    if (fault !== undefined) throw new CommandError(`${flag}: ${fault.reason}`);
    return flags[flag];
  });
}

function rejectPort(port: number): void {
  if (port < 0 || port > maxPort) {
    throw new CommandError(`listen tcp: address ${port}: invalid port`);
  }
}
