/**
 * `bun test/hostile/main.ts [group…]`: how others fare while a proxy is attacked, and what attacks cost in memory;
 * ours beside the original (KAMAL_PROXY_ORIGINAL) in one run, on loopback only. `--seconds` (3, and a minute
 * for all attacks at once in a control group), `--list`, `--subjects=ours,original`, `--only=text in the
 * attack's name`.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { binaryPath, bunPath } from "../../scripts/project.ts";
import { formatTable } from "../bench/table.ts";
import {
  hugeHeads,
  pipelinedRequests,
  planOf,
  startAttack,
  tinyPieces,
  type Attack,
} from "./attacks.ts";
import { cramped } from "./cramped.ts";
import { freeze, memoryRows, type MeasuredRow } from "./measurements.ts";
import { probe } from "./prober.ts";
import { hosts, startSubject, type HostileSubject } from "./subject.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "" },
    subjects: { type: "string", default: "ours,original" },
    only: { type: "string", default: "" },
    list: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds || 3);
const crampedSeconds = Number(values.seconds || 60);
const here = import.meta.dir;

const latencyGroups: Record<string, () => Attack[]> = {
  pipelined: pipelinedRequests,
  tiny: tinyPieces,
  heads: hugeHeads,
};
const measuredGroups: Record<string, (name: string, binary: string) => Promise<MeasuredRow[]>> = {
  memory: (name, binary) => memoryRows(name, binary, appAddress, values.only),
  freeze: (name, binary) => freeze(name, binary, appAddress),
  cgroup: (name, binary) => cramped(name, binary, appAddress, crampedSeconds),
};
const groups = [...Object.keys(latencyGroups), ...Object.keys(measuredGroups)];
if (values.list) {
  console.log(groups.join("\n"));
  process.exit(0);
}
const wanted = (group: string): boolean => positionals.length === 0 || positionals.includes(group);

const app = Bun.spawn([bunPath, join(here, "app.ts")], { stdout: "pipe", stdin: "ignore" });
const reader = app.stdout.getReader();
const appAddress = `127.0.0.1:${new TextDecoder().decode((await reader.read()).value).trim()}`;

const ours = process.env["KAMAL_PROXY_TEST_BINARY"] || binaryPath;
const binaries: Record<string, string | undefined> = {
  ours,
  original: process.env["KAMAL_PROXY_ORIGINAL"],
  before: process.env["KAMAL_PROXY_BEFORE"],
};
const chosen = values.subjects.split(",").filter((name) => binaries[name] !== undefined);

try {
  for (const [group, attacks] of Object.entries(latencyGroups)) {
    if (!wanted(group)) continue;
    const rows = new Map<string, string[]>();
    for (const name of chosen) {
      for (const attack of attacks()) {
        if (!attack.name.includes(values.only)) continue;
        await using subject = await startSubject(name, binaries[name]!, appAddress);
        const row = rows.get(attack.name) ?? [attack.name];
        rows.set(attack.name, row);
        row.push(...(await underAttack(subject, attack)));
      }
    }
    const header = chosen.flatMap((name) => [`${name} quiet`, "median", "p99", "failed"]);
    console.log(
      `\n${group}: others' latency, ms\n${formatTable(["attack", ...header], [...rows.values()])}`,
    );
  }
  for (const [group, measure] of Object.entries(measuredGroups)) {
    if (!wanted(group)) continue;
    const rows = new Map<string, string[]>();
    for (const name of chosen) {
      for (const { title, value } of await measure(name, binaries[name]!)) {
        const row = rows.get(title) ?? [title];
        rows.set(title, row);
        row.push(value);
      }
    }
    console.log(`\n${group}\n${formatTable(["", ...chosen], [...rows.values()])}`);
  }
} finally {
  app.kill();
}
process.exit(0);

async function underAttack(subject: HostileSubject, attack: Attack): Promise<string[]> {
  const { httpPort } = subject.proxy;
  const quiet = await probe(httpPort, hosts.other, 0.7);
  const plan = planOf(attack, subject, seconds + 1);
  const attacker = startAttack(plan);
  await Bun.sleep(500);
  const busy = await probe(httpPort, hosts.other, seconds);
  attacker.kill();
  await attacker.exited;
  const text = (value: number): string => value.toFixed(value < 10 ? 2 : 0);
  return [text(quiet.medianMs), text(busy.medianMs), text(busy.p99Ms), String(busy.failed)];
}
