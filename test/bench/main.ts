/**
 * `bun run bench [scenario…]`: our proxy, the original, nginx and HAProxy side by side, on loopback only.
 * `--seconds`, `--rounds`, `--warmup`, `--subjects=ours,original`, `--list`. The subject `policies` is ours with the
 * common policies in use.
 */
import { existsSync, mkdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { tempFolder } from "../support/temp-folder.ts";
import { binaryIsStale, binaryPath, bunPath, runTool } from "../../scripts/project.ts";
import { endAll } from "./cleanup.ts";
import { runScenario } from "./run-scenario.ts";
import { scenarios } from "./scenarios.ts";
import { findSubjects, otherBinary } from "./subject.ts";
import { startUpstream } from "./upstream.ts";
import { findWrk } from "./wrk.ts";

process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: "string", default: "3" },
      rounds: { type: "string", default: "3" },
      // Under load the JIT compiler of Bun settles after about ten seconds.
      warmup: { type: "string", default: "12" },
      subjects: { type: "string", default: "" },
      list: { type: "boolean", default: false },
    },
  });
  if (values.list) {
    for (const { name, title } of scenarios) console.log(`${name.padEnd(16)} ${title}`);
    return 0;
  }
  const chosen = scenarios.filter(
    ({ name }) => positionals.length === 0 || positionals.includes(name),
  );
  const unknown = positionals.filter(
    (name) => !scenarios.some((scenario) => scenario.name === name),
  );
  if (unknown.length > 0) {
    console.error(`No scenario ${unknown.join(", ")}; --list shows them.`);
    return 1;
  }

  using folder = tempFolder();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      void endAll().finally(() => {
        folder[Symbol.dispose]();
        process.exit(130);
      });
    });
  }
  try {
    const wrk = findWrk();
    const subjects = findSubjects(values.subjects.split(",").filter((name) => name !== ""));
    const measuresOurs = subjects.some(({ name }) => name === "ours" || name === "policies");
    if (measuresOurs && otherBinary === null) await buildWhenStale();
    const upstreamFolder = join(folder.path, "app");
    mkdirSync(upstreamFolder);
    const upstream = await startUpstream(upstreamFolder);
    console.log(
      `${cpus().length} × ${cpus()[0]?.model ?? "?"}; app: ${upstream.kind}; ` +
        `${values.rounds} rounds of ${values.seconds} s, median; ratios are to the original.`,
    );
    for (const scenario of chosen) {
      console.log(`\n${scenario.name}: ${scenario.title}`);
      const table = await runScenario(scenario, {
        subjects,
        upstreamTarget: upstream.target,
        grpcTarget: upstream.grpcTarget,
        wrk,
        folder: folder.path,
        rounds: Number(values.rounds),
        seconds: Number(values.seconds),
        warmUpSeconds: Number(values.warmup),
      });
      console.log(table);
    }
    return 0;
  } catch (error) {
    console.error(`The bench failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await endAll();
  }
}

async function buildWhenStale(): Promise<void> {
  if (!(await binaryIsStale())) return;
  console.log("Building dist/kamal-proxy…");
  const code = await runTool([bunPath, "scripts/build.ts"]);
  if (code !== 0 || !existsSync(binaryPath)) throw new Error("the build failed");
}
