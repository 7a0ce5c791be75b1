/**
 * `npx bun test/rollouts/main.ts [times]`: canaries of which 3 % of the requests fail, and such that fail
 * none, under 500 requests a second, one after the other. The first must be taken back within two windows, the
 * others promoted; exit code 1 when one is not. Needs the build.
 */
import { startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { startRolloutClients } from "../support/rollout-clients.ts";

const windowSeconds = 5;
const requestsPerSecond = 500;
const errorRate = 0.03;
/** In the log: a step begins, or is watched once more. */
const windowBegins = new Set(["Raised rollout", "Rollout is watched for longer"]);
const flags = [`--every=${windowSeconds}s`, "--steps=25,50,100"];

interface Outcome {
  code: number;
  seconds: number;
  /** That were begun. */
  windows: number;
  requestsPerSecond: number;
  text: string;
}

async function canary(failing: number): Promise<Outcome> {
  await using old = startApp(() => new Response("old"));
  await using next = startApp(
    () => new Response("new", { status: Math.random() < failing ? 500 : 200 }),
  );
  await using proxy = await ProxyProcess.start({ env: { KAMAL_PROXY_WORKERS: "2" } });
  await proxy.deploy("web", old.address);
  await proxy.run("rollout", "deploy", "web", `--target=${next.address}`);
  await using clients = startRolloutClients({
    port: proxy.httpPort,
    host: "web",
    rate: requestsPerSecond,
    clients: 16,
  });
  const began = performance.now();
  const { code, stdout, stderr } = await proxy.run("rollout", "auto", "web", ...flags);
  const seconds = (performance.now() - began) / 1_000;
  await clients.stop();
  const begun = proxy.logs.filter(({ msg }) => typeof msg === "string" && windowBegins.has(msg));
  const windows = begun.length;
  const text = (stderr || stdout).trim().split("\n").at(-1)!;
  return { code, seconds, windows, requestsPerSecond: clients.answered / seconds, text };
}

const times = Number(process.argv[2] ?? 10);
let wrong = 0;
for (let round = 1; round <= times; round++) {
  for (const failing of [errorRate, 0]) {
    const outcome = await canary(failing);
    const isRight = failing > 0 ? outcome.code === 1 && outcome.windows <= 2 : outcome.code === 0;
    if (!isRight) wrong++;
    const { code, seconds, windows, requestsPerSecond: rate, text } = outcome;
    process.stdout.write(
      `${isRight ? "right" : "WRONG"}  round ${round}, ${failing * 100} % of errors: exit code ${code} ` +
        `after ${seconds.toFixed(1)} s, ${windows} windows, ${Math.round(rate)} requests/s: ${text}\n`,
    );
  }
}
process.stdout.write(`${times * 2} canaries, ${wrong} wrong verdicts\n`);
process.exit(wrong === 0 ? 0 : 1);
