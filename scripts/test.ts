/**
 * `npm test`: types, format, lint, build, then every test. The last line is `N passed, N failed`, counted in
 * the runner's own report. Arguments are passed on to `bun test`, for example `npm test -- test/unit/protocols`.
 */
import { mkdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { runGates } from "./check.ts";
import { bunPath, projectFolder, runTool } from "./project.ts";
import { countTests, formatCounts } from "./test-report.ts";
import { provideTestServers, thisMachine } from "./test-servers.ts";

const runLimitMs = 9 * 60_000;
/** Tests of processes need more than Bun's 5 s; bunfig.toml has no setting for it that Bun 1.4.5 takes. */
const testLimitMs = 60_000;
/** Of the time of most tests of whole processes two thirds is waiting. */
const filesAtOnce = Math.min(3 * availableParallelism(), 16);
/** Two runs in this folder must not mix their reports. */
const reportPath = join(projectFolder, "dist", `test-report-${process.pid}.xml`);
const filters = process.argv.slice(2);

const failedGates = await runGates();

console.log("→ build");
if ((await runTool([bunPath, "scripts/build.ts"])) !== 0) {
  console.error("The build failed, so no test ran.");
  process.exit(1);
}

console.log("→ tests");
await provideTestServers(thisMachine);
mkdirSync(join(projectFolder, "dist"), { recursive: true });
const runner = Bun.spawn(
  [
    bunPath,
    "test",
    `--timeout=${testLimitMs}`,
    `--parallel=${filesAtOnce}`,
    "--reporter=junit",
    `--reporter-outfile=${reportPath}`,
    ...filters,
  ],
  {
    cwd: projectFolder,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    timeout: runLimitMs,
  },
);
const runnerCode = await runner.exited;
if (runner.signalCode !== null) console.error(`The test run was ended by ${runner.signalCode}.`);

const report = Bun.file(reportPath);
const counts = countTests(
  (await report.exists()) ? await report.text() : "",
  filters.length === 0 ? testFiles() : [],
);
rmSync(reportPath, { force: true });
if (runnerCode !== 0 && counts.failed === 0) counts.failed = 1;

if (failedGates.length > 0) console.error(`Failed gates: ${failedGates.join(", ")}.`);
if (counts.passed === 0) console.error("No test passed.");
console.log(`\n${formatCounts(counts)}`);
process.exit(failedGates.length === 0 && counts.failed === 0 && counts.passed > 0 ? 0 : 1);

function testFiles(): string[] {
  return [...new Bun.Glob("test/**/*.test.ts").scanSync({ cwd: projectFolder })];
}
