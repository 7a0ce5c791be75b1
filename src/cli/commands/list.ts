/** `kamal-proxy list` */
import { unicodeName } from "../../lib/international-name.ts";
import { printableText } from "../../lib/printable-text.ts";
import type {
  ServiceDescription,
  ServiceDescriptions,
  WorkerDescription,
} from "../../control-plane/socket/protocol.ts";
import { listWatchIntervalMs } from "../../config/operator-limits.ts";
import { cliCommand, send } from "../cli-command.ts";
import type { CliContext } from "../context.ts";
import { formatTable } from "../table.ts";

const header = ["Service", "Host", "Path", "Target", "State", "TLS"];
/** Only where there is a rollout: what reads kamal-proxy's columns finds them where they were. */
const rolloutHeader = "Rollout";

const home = "\u001b[H";
const eraseBelow = "\u001b[J";

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
    watch: {
      kind: "switch",
      fallback: false,
      help: "Show changes as they come, until Ctrl-C",
    },
  }),
  async run({ values, context }) {
    if (values.watch) return await watch(context, values.json);
    const { table, remarks } = await listing(context, values.json);
    await context.write(table);
    // Beside the table, which has kamal-proxy's columns.
    await context.writeError(remarks);
    return 0;
  },
});

/** Ends by a signal, or with the proxy. */
async function watch(context: CliContext, json: boolean): Promise<never> {
  const clear = context.screen !== null && !json ? home + eraseBelow : "";
  let shown = "";
  for (;;) {
    const { table, remarks } = await listing(context, json);
    if (table + remarks !== shown) await context.write(clear + table + remarks);
    shown = table + remarks;
    await context.wait(listWatchIntervalMs);
  }
}

async function listing(
  context: CliContext,
  json: boolean,
): Promise<{ table: string; remarks: string }> {
  const { services = {}, workers = [] } = await send(context, { command: "list" });
  if (json) {
    return { table: `${JSON.stringify(withWorkers(services, workers))}\n`, remarks: "" };
  }
  const remarks =
    degradedLines(services) +
    rolloutLines(services) +
    preflightLines(services) +
    setLines(services) +
    protectedLines(services) +
    workerLines(workers);
  return { table: serviceTable(services), remarks };
}

/** No service can have that name; it is there when not all is well with them. */
function withWorkers(services: ServiceDescriptions, workers: WorkerDescription[]): object {
  return workers.length === 0 ? services : { ...services, "(workers)": workers };
}

function workerLines(workers: WorkerDescription[]): string {
  return workers
    .filter(({ state }) => state !== "serving")
    .map((worker) =>
      worker.state === "finishing"
        ? `a replaced worker still has ${worker.connections} connections\n`
        : `worker ${worker.worker} is down; it was replaced ${worker.restarts} times\n`,
    )
    .join("");
}

function serviceTable(services: ServiceDescriptions): string {
  const listed = byName(services);
  const rows = listed.map(([name, service]) => serviceRow(name, service));
  if (!listed.some(([, { rollout_targets: targets = [] }]) => targets.length > 0)) {
    return formatTable([header, ...rows]);
  }
  const withRollout = rows.map((row, index) => [...row, rolloutText(listed[index]![1])]);
  return formatTable([[...header, rolloutHeader], ...withRollout]);
}

/** `10% 10.0.0.7:3000`; what the list of cookie values adds is in `--json`. */
function rolloutText({ rollout, rollout_targets: targets = [] }: ServiceDescription): string {
  if (targets.length === 0) return "";
  const listed = rollout !== null && rollout.allowlist.length > 0 ? "+list" : "";
  const share = rollout === null ? "off" : `${rollout.percentage}%${listed}`;
  return printableText(`${share} ${targets.join(",")}`);
}

function degradedLines(services: ServiceDescriptions): string {
  return byName(services)
    .filter(([, { degraded }]) => degraded !== null)
    .map(([name, { degraded }]) => `${printableText(`${name} is degraded: ${degraded}`)}\n`)
    .join("");
}

/** Nobody follows it: it neither goes on nor back by itself. */
function rolloutLines(services: ServiceDescriptions): string {
  return byName(services)
    .flatMap(([name, { rollout_auto: auto = null }]) => {
      if (auto === null || auto.followed) return [];
      const { steps, step } = auto;
      return [
        `the rollout of ${name} stays at ${steps[step]}%, step ${step + 1} of ${steps.length}: ` +
          `\`kamal-proxy rollout auto ${name} --continue\` goes on`,
      ];
    })
    .map((line) => `${printableText(line)}\n`)
    .join("");
}

/** Of certificates that are still missing. */
function preflightLines(services: ServiceDescriptions): string {
  return byName(services)
    .flatMap(([name, { certificates }]) =>
      certificates
        .filter(({ expires, preflight }) => expires === null && preflight !== null)
        .map(({ preflight }) => `${printableText(`${name} has no certificate: ${preflight}`)}\n`),
    )
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
