/** `kamal-proxy doctor` */
import { CommandError } from "../../config/command-error.ts";
import { readVariable } from "../../config/environment.ts";
import { runSettings } from "../../config/run-settings.ts";
import { socketPath } from "../../config/paths.ts";
import type {
  ServiceDescription,
  ServiceDescriptions,
} from "../../control-plane/socket/protocol.ts";
import { messageOf } from "../../lib/error-text.ts";
import { printableText } from "../../lib/printable-text.ts";
import { cliCommand, send } from "../cli-command.ts";
import type { CliContext } from "../context.ts";
import { type Facts, failure, type Finding, type Level, ok } from "../doctor/check.ts";
import { machineChecks, strangersOn } from "../doctor/machine-checks.ts";
import { proxyChecks } from "../doctor/proxy-checks.ts";
import { serviceChecks } from "../doctor/service-checks.ts";
import { traceRequest } from "../doctor/trace.ts";
import { productVersion } from "../version.ts";

export const doctor = cliCommand({
  path: "doctor",
  operands: "[service | host | URL]",
  summary: "Checks the proxy, its services, and what they need.",
  notes:
    "With a URL, one request is followed: who would answer it, and why.\n" +
    "The exit code is 1 when something does not work.\n",
  positionals: "service-or-none",
  flags: () => ({
    json: {
      kind: "switch",
      fallback: false,
      help: "Print one JSON array with a finding for each check instead of lines",
    },
  }),
  async run({ values, service: subject, context }) {
    const findings = await examine(subject, context);
    await context.write(
      values.json
        ? `${JSON.stringify(findings)}\n`
        : report(findings, context.screen !== null && !context.environment["NO_COLOR"]),
    );
    return findings.some(({ level }) => level === "failure") ? 1 : 0;
  },
});

async function examine(subject: string, context: CliContext): Promise<Finding[]> {
  const socket = socketPath(context.environment);
  const url = /^https?:\/\//i.test(subject) ? URL.parse(subject) : null;
  let status: Facts["status"] | undefined;
  let services: ServiceDescriptions = {};
  try {
    ({ status } = await send(context, { command: "status" }));
    ({ services = {} } = await send(context, { command: "list" }));
  } catch (error) {
    const advice =
      "start the proxy, or give this command the KAMAL_PROXY_SOCKET, HOME and user of `run`";
    const strangers = strangersOn(portsOf(context.environment), await context.probes());
    return [
      { check: "control socket", ...failure(socket, messageOf(error), advice) },
      ...strangers.map((outcome) => ({ check: "port owner", ...outcome })),
    ];
  }
  const findings: Finding[] = [{ check: "control socket", ...ok(socket, "answers") }];
  const known = {
    status: status!,
    version: productVersion,
    nowMs: context.wallMs(),
    probes: await context.probes(),
  };
  if (url !== null) return [...findings, ...(await traceRequest(url, services, known))];
  const chosen = subject === "" ? Object.entries(services) : servicesOf(subject, services);
  const facts: Facts = { ...known, services: chosen };
  const checks =
    subject === "" ? [...proxyChecks, ...machineChecks, ...serviceChecks] : serviceChecks;
  for (const check of checks) {
    for (const outcome of await check.run(facts)) findings.push({ check: check.name, ...outcome });
  }
  return findings;
}

/** Those that a proxy with this environment would have. */
function portsOf(environment: CliContext["environment"]): number[] {
  const { httpPort, httpsPort } = runSettings;
  return [
    readVariable(httpPort, environment) ?? httpPort.fallback,
    readVariable(httpsPort, environment) ?? httpsPort.fallback,
  ];
}

/** By its name, or by one of its hosts, which is then the only one that is looked at. */
function servicesOf(
  subject: string,
  services: ServiceDescriptions,
): [string, ServiceDescription][] {
  const named = services[subject];
  if (named !== undefined) return [[subject, named]];
  const host = subject.toLowerCase();
  const serving = Object.entries(services).filter(([, { hosts }]) => hosts.includes(host));
  if (serving.length > 0)
    return serving.map(([name, service]) => [name, { ...service, hosts: [host] }]);
  throw new CommandError(
    `nothing here is called ${printableText(subject)}: give a service, a host or a URL`,
  );
}

const signs: Readonly<Record<Level, string>> = {
  ok: "ok",
  note: "note",
  warning: "warn",
  failure: "FAIL",
};
const styles: Readonly<Record<Level, string>> = {
  ok: "32",
  note: "36",
  warning: "33",
  failure: "1;31",
};

function report(findings: readonly Finding[], coloured: boolean): string {
  const lines = findings.flatMap(({ check, subject, level, result, advice }) => {
    const sign = signs[level].padEnd(4);
    const shown = coloured ? `\u001b[${styles[level]}m${sign}\u001b[0m` : sign;
    const about = subject === "" ? check : `${check} ${subject}`;
    const line = `${shown}  ${printableText(`${about}: ${result}`)}`;
    return advice === null ? [line] : [line, `      → ${printableText(advice)}`];
  });
  const count = (level: Level): number => findings.filter((each) => each.level === level).length;
  return `${lines.join("\n")}\n${count("failure")} failed, ${count("warning")} warnings, ${count("ok")} ok\n`;
}
