/** `kamal-proxy list` */
import { unicodeName } from "../../lib/international-name.ts";
import { printableText } from "../../lib/printable-text.ts";
import type {
  ServiceDescription,
  ServiceDescriptions,
  WorkerDescription,
} from "../../control-plane/socket/protocol.ts";
import { cliCommand, send } from "../cli-command.ts";
import { formatTable } from "../table.ts";

const header = ["Service", "Host", "Path", "Target", "State", "TLS"];

export const list = cliCommand({
  path: "list",
  summary: "Lists all services.",
  aliases: ["list", "ls"],
  positionals: "none",
  flags: () => ({
    json: {
      kind: "switch",
      fallback: false,
      help: "Print one JSON object with all details instead of a table",
    },
  }),
  async run({ values, context }) {
    const { services = {}, workers = [] } = await send(context, { command: "list" });
    if (values.json) {
      await context.write(`${JSON.stringify(withWorkers(services, workers))}\n`);
      return 0;
    }
    await context.write(serviceTable(services));
    // Beside the table, which has kamal-proxy's columns.
    await context.writeError(
      degradedLines(services) +
        setLines(services) +
        protectedLines(services) +
        workerLines(workers),
    );
    return 0;
  },
});

/** No service can have that name; it is there when not all is well with them. */
function withWorkers(services: ServiceDescriptions, workers: WorkerDescription[]): object {
  return workers.length === 0 ? services : { ...services, "(workers)": workers };
}

function workerLines(workers: WorkerDescription[]): string {
  return workers
    .filter(({ state }) => state !== "serving")
    .map(({ worker, restarts }) => `worker ${worker} is down; it was replaced ${restarts} times\n`)
    .join("");
}

function serviceTable(services: ServiceDescriptions): string {
  const rows = byName(services).map(([name, service]) => serviceRow(name, service));
  return formatTable([header, ...rows]);
}

function degradedLines(services: ServiceDescriptions): string {
  return byName(services)
    .filter(([, { degraded }]) => degraded !== null)
    .map(([name, { degraded }]) => `${printableText(`${name} is degraded: ${degraded}`)}\n`)
    .join("");
}

function setLines(services: ServiceDescriptions): string {
  return byName(services)
    .flatMap(([name, service]) =>
      Object.entries(service.set).map(([flag, value]) => `${name} has --${flag} ${textOf(value)}`),
    )
    .map((line) => `${printableText(line)}, by \`set\`\n`)
    .join("");
}

function textOf(value: unknown): string {
  return [value].flat().join(", ");
}

/** Whoever goes back has to know. */
function protectedLines(services: ServiceDescriptions): string {
  return byName(services)
    .filter(([, service]) => service.protected_by.length > 0)
    .map(([name, service]) => {
      const flags = service.protected_by.map((flag) => `--${flag}`).join(", ");
      return `${printableText(name)} would be open to everybody in the original kamal-proxy, which does not know ${flags}\n`;
    })
    .join("");
}

function byName(services: ServiceDescriptions): [string, ServiceDescription][] {
  return Object.entries(services).toSorted(([a], [b]) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
}

function serviceRow(name: string, service: ServiceDescription): string[] {
  return [
    name,
    service.hosts.map(withUnicode).join(",") || "*",
    service.paths.join(","),
    service.targets.join(","),
    service.state,
    service.tls ? "yes" : "no",
  ].map(printableText);
}

/** `xn--bcher-kva.example (bücher.example)`: as it was asked for beside as it is compared. */
function withUnicode(host: string): string {
  const unicode = host.includes("xn--") ? unicodeName(host) : host;
  return unicode === host ? host : `${host} (${unicode})`;
}
