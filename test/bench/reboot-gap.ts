/**
 * `bun test/bench/reboot-gap.ts IMAGE…`: how long nobody is answered while a container of the proxy is
 * stopped, removed and started again with the commands of `kamal proxy reboot`, without the time that ssh
 * takes between them. 20 clients are under way; one more asks on new connections all the time. Each image
 * in turns, so that they meet the same machine; the medians of `--rounds` (5). Needs Docker.
 */
import { parseArgs } from "node:util";
import { commandOutput } from "../support/command-output.ts";
import { freePorts } from "../support/free-ports.ts";

const { values, positionals: images } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "5" } },
});
const rounds = Number(values.rounds);
if (images.length === 0 || !(rounds >= 1)) {
  throw new Error("usage: bun test/bench/reboot-gap.ts IMAGE… [--rounds=5]");
}

const clientCount = 20;
const name = `kamal-proxy-gap-${process.pid}`;
const label = "org.opencontainers.image.title=kamal-proxy";
const [port = 0] = freePorts(1);
/** What the clients do: how long an answer takes, and whether they ask again. */
const scenarios = {
  "answers of 20 ms, again and again": { ms: 20, repeats: true },
  "one answer of 5 s each": { ms: 5_000, repeats: false },
  "answers of 5 s, again and again": { ms: 5_000, repeats: true },
} as const;
type Scenario = (typeof scenarios)[keyof typeof scenarios];

using app = Bun.serve({
  hostname: "0.0.0.0",
  port: 0,
  async fetch(request) {
    await Bun.sleep(Number(new URL(request.url).searchParams.get("ms")));
    return new Response("app");
  },
});

const docker = async (...args: string[]): Promise<string> =>
  (await commandOutput(["docker", ...args], process.env)).trim();

async function run(image: string, volume: string): Promise<void> {
  await docker(
    "run",
    "--name",
    name,
    "--label",
    name,
    "--detach",
    "--restart",
    "unless-stopped",
    "--volume",
    `${volume}:/home/kamal-proxy/.config/kamal-proxy`,
    "--add-host",
    "host.docker.internal:host-gateway",
    "--publish",
    `${port}:80`,
    "--log-opt",
    "max-size=10m",
    image,
  );
}

async function reboot(image: string, volume: string): Promise<void> {
  await docker("container", "stop", name);
  await docker(
    "container",
    "prune",
    "--force",
    `--filter=label=${label}`,
    `--filter=label=${name}`,
  );
  await run(image, volume);
}

/** True when it was answered; a new connection each time. */
async function ask(ms: number, timeoutMs: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/?ms=${ms}`, {
      headers: { connection: "close" },
      signal: AbortSignal.timeout(timeoutMs),
    });
    return (await response.text()) === "app";
  } catch {
    return false;
  }
}

/** Milliseconds between the last answer before the reboot and the first one after it, and lost answers. */
async function measure(
  image: string,
  { ms, repeats }: Scenario,
): Promise<{ gapMs: number; lost: number }> {
  const volume = `${name}-volume`;
  await run(image, volume);
  const deploy = ["deploy", "web", `--target=host.docker.internal:${app.port}`];
  do {
    await docker("exec", name, "kamal-proxy", ...deploy).catch(() => {});
  } while (!(await ask(0, 1_000)));
  const ending = new AbortController();
  let lost = 0;
  let stopping = false;
  const asksAgain = (): boolean => repeats && !ending.signal.aborted;
  const clients = Array.from({ length: clientCount }, async () => {
    do {
      const wasStopping = stopping;
      // Requests that had begun before the stop: those that meet closed ports are what the gap is about.
      if (!(await ask(ms, 30_000)) && !wasStopping) lost += 1;
    } while (asksAgain());
  });
  let lastMs = performance.now();
  let gapMs = 0;
  const prober = (async () => {
    while (!ending.signal.aborted) {
      if (!(await ask(0, 1_000))) continue;
      const nowMs = performance.now();
      gapMs = Math.max(gapMs, nowMs - lastMs);
      lastMs = nowMs;
    }
  })();
  await Bun.sleep(1_000);
  stopping = true;
  await reboot(image, volume);
  const rebootedMs = performance.now();
  const answered = (): boolean => lastMs >= rebootedMs;
  while (!answered()) await Bun.sleep(10);
  ending.abort();
  await Promise.all([...clients, prober]);
  await docker("rm", "--force", name);
  await docker("volume", "rm", volume);
  return { gapMs, lost };
}

const results = new Map<string, { gapMs: number; lost: number }[]>();
try {
  for (let round = 0; round < rounds; round++) {
    for (const [scenario, clients] of Object.entries(scenarios)) {
      for (const image of images) {
        const result = await measure(image, clients);
        const key = `${image}, ${scenario}`;
        results.set(key, [...(results.get(key) ?? []), result]);
        console.log(`${key}: ${Math.round(result.gapMs)} ms, ${result.lost} answers lost`);
      }
    }
  }
} finally {
  await docker("rm", "--force", name).catch(() => {});
  await docker("volume", "rm", "--force", `${name}-volume`).catch(() => {});
}
console.log("\nMedians");
for (const [key, all] of results) {
  const sorted = all.map(({ gapMs }) => gapMs).toSorted((a, b) => a - b);
  const lost = all.reduce((sum, result) => sum + result.lost, 0);
  console.log(`${key}: ${Math.round(sorted[sorted.length >> 1]!)} ms, ${lost} answers lost`);
}
