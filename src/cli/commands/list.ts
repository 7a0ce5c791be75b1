/** `kamal-proxy list` */
import type { ServiceDescription, ServiceDescriptions } from "../../control/protocol.ts";
import { cliCommand, send } from "../cli-command.ts";
import { bool } from "../flags.ts";
import { formatTable } from "../table.ts";

const header = ["Service", "Host", "Path", "Target", "State", "TLS"];

export const list = cliCommand({
  path: "list",
  summary: "Lists all services.",
  aliases: ["list", "ls"],
  positionals: "none",
  flags: () => ({ json: bool("Print one JSON object with all details instead of a table") }),
  async run({ values, context }) {
    const { services = {} } = await send(context, { command: "list" });
    await context.write(values.json ? `${JSON.stringify(services)}\n` : serviceTable(services));
    return 0;
  },
});

function serviceTable(services: ServiceDescriptions): string {
  const rows = Object.entries(services)
    .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, service]) => serviceRow(name, service));
  return formatTable([header, ...rows]);
}

function serviceRow(name: string, service: ServiceDescription): string[] {
  return [
    name,
    service.hosts.join(",") || "*",
    service.paths.join(","),
    service.targets.join(","),
    service.state,
    service.tls ? "yes" : "no",
  ];
}
