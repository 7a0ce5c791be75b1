/** `kamal-proxy run` */
import { readAcmeSettings } from "../../config/acme-settings.ts";
import { CommandError } from "../../config/command-error.ts";
import { maxPort, runDefaults } from "../../config/defaults.ts";
import { type Environment, socketPath } from "../../config/paths.ts";
import type { RunOptions } from "../../config/run-options.ts";
import { parseGoBoolean } from "../../go/number.ts";
import { cliCommand, type Input } from "../cli-command.ts";
import { ensureDataFolder } from "../data-folder.ts";
import { lenientBoolean, lenientInteger, strictSetting, variableNames } from "../environment.ts";
import { bool, int, strings, withEnvironment } from "../flags/flags.ts";
import {
  addressBlockFault,
  limitNotes,
  parseAddressBlocks,
  readBufferMemoryTotal,
  readClientLimits,
  readMinTlsVersion,
  readTargetRetry,
} from "../run-settings.ts";

const trustedProxiesVariable = "KAMAL_PROXY_TRUSTED_PROXIES";
const proxyProtocolVariable = "KAMAL_PROXY_PROXY_PROTOCOL";

export const run = cliCommand({
  path: "run",
  summary: "Runs the proxy until it is told to stop.",
  positionals: "any",
  flags: runFlags,
  notes: limitNotes(),
  run: (input) => input.context.serve(runOptions(input)),
});

function runFlags(environment: Environment) {
  const flag = (key: string, text: string, fallback = false) =>
    withEnvironment(bool(text, lenientBoolean(environment, key, fallback)), ...variableNames(key));
  const port = (key: string, text: string, fallback: number) =>
    withEnvironment(int(text, lenientInteger(environment, key, fallback)), ...variableNames(key));
  return {
    debug: flag("DEBUG", "Log more"),
    "http-port": port("HTTP_PORT", "Port of plain HTTP", runDefaults.httpPort),
    "https-port": port("HTTPS_PORT", "Port of HTTPS", runDefaults.httpsPort),
    "metrics-port": port("METRICS_PORT", "Port of the metrics (0: off)", runDefaults.metricsPort),
    http3: flag("HTTP3", "Serve HTTP/3 on the HTTPS port as well"),
    "trusted-proxies": withEnvironment(
      strings("Address or CIDR block whose forwarding headers are believed (repeatable)"),
      trustedProxiesVariable,
    ),
    "proxy-protocol": withEnvironment(
      bool("Expect a PROXY protocol header from the trusted proxies"),
      proxyProtocolVariable,
    ),
  };
}

function runOptions(input: Input<ReturnType<typeof runFlags>>): RunOptions {
  const { values, given, context } = input;
  const { environment } = context;
  rejectPort(values["metrics-port"]);
  rejectPort(values["http-port"]);
  rejectPort(values["https-port"]);
  const trustedProxies = given.has("trusted-proxies")
    ? givenProxies(values["trusted-proxies"])
    : (strictSetting(environment, trustedProxiesVariable, parseAddressBlocks) ?? null);
  const proxyProtocol = given.has("proxy-protocol")
    ? values["proxy-protocol"]
    : (strictSetting(environment, proxyProtocolVariable, parseGoBoolean) ?? false);
  // Who may say where a connection comes from? Never everybody.
  if (proxyProtocol && (trustedProxies ?? []).length === 0) {
    throw new CommandError(
      "proxy-protocol needs trusted-proxies: the addresses that send the header",
    );
  }
  return {
    debug: values.debug,
    bind: "",
    httpPort: values["http-port"],
    httpsPort: values["https-port"],
    metricsPort: values["metrics-port"],
    http3: values.http3,
    socketPath: socketPath(environment),
    dataPath: ensureDataFolder(context),
    limits: readClientLimits(environment),
    bufferMemoryTotalBytes: readBufferMemoryTotal(environment),
    targetRetryMs: readTargetRetry(environment),
    minTlsVersion: readMinTlsVersion(environment),
    acme: readAcmeSettings(environment),
    trustedProxies,
    proxyProtocol,
  };
}

function givenProxies(list: readonly string[]): string[] {
  const blocks = list.map((block) => block.trim());
  const fault = addressBlockFault(blocks);
  if (fault !== undefined) throw new CommandError(`trusted-proxies: ${fault}`);
  return blocks;
}

function rejectPort(port: number): void {
  if (port < 0 || port > maxPort) {
    throw new CommandError(`listen tcp: address ${port}: invalid port`);
  }
}
