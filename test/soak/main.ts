/**
 * `bun test/soak/main.ts [minutes]` (5 when left out): mixed traffic against the built binary, over HTTP/1.1, TLS
 * and HTTP/2, while services are deployed, paused and split, certificates swapped and an app restarted.
 * Prints a line every so often with memory, descriptors and counts, and the trend at the end; ends with
 * 1 when a request failed or the proxy did not stay up. `--without=restarts,…` leaves kinds out.
 */
import { parseArgs } from "node:util";
import { ProxyProcess } from "../support/proxy-process.ts";
import { SoakClients } from "./clients.ts";
import { SoakOperator } from "./operator.ts";
import { startSoakApp } from "./soak-app.ts";
import { type Sample, slope } from "./trend.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { without: { type: "string", default: "" } },
});
const minutes = Number(positionals[0] ?? 5);
if (!(minutes > 0)) throw new Error("usage: bun test/soak/main.ts [minutes] [--without=kind,…]");
const endMs = performance.now() + minutes * 60_000;
const reportIntervalMs = Math.min(15_000, (minutes * 60_000) / 8);

await using proxy = await ProxyProcess.start({ env: { KAMAL_PROXY_TARGET_RETRY: "10s" } });
const apps = [startSoakApp(), startSoakApp()];
const clients = new SoakClients(proxy);
const operator = new SoakOperator(
  proxy,
  apps.map(({ address }) => address),
);
await operator.begin();

/** What is done, and by how many at once. */
const kinds: Record<string, [workers: number, act: () => Promise<void>]> = {
  requests: [3, () => clients.newConnection()],
  kept: [3, () => clients.keptConnection()],
  uploads: [2, () => clients.upload()],
  aborts: [1, () => clients.abortedUpload()],
  tunnels: [1, () => clients.tunnel()],
  encrypted: [1, () => clients.encrypted()],
  http2: [1, () => clients.http2()],
  deploys: [1, () => operator.deploy()],
  pauses: [1, () => operator.pauseAndResume()],
  rollouts: [1, () => operator.rollout()],
  certificates: [1, () => operator.swapCertificate()],
  restarts: [1, () => operator.restartTarget(clients)],
};
for (const kind of values.without.split(",")) Reflect.deleteProperty(kinds, kind);
const counts = new Map(Object.keys(kinds).map((kind) => [kind, 0]));
const failures: string[] = [];
const memory: Sample[] = [];
const descriptors: Sample[] = [];

const workers = Object.entries(kinds).flatMap(([kind, [count, act]]) =>
  Array.from({ length: count }, () => forever(kind, act)),
);
await Promise.all([...workers, reportUntilEnd()]);
operator.end();
for (const app of apps) app[Symbol.dispose]();

// The first third warms up.
const settled = (samples: Sample[]): Sample[] => samples.slice(Math.floor(samples.length / 3));
console.log(
  `trend after the first third: RSS ${slope(settled(memory)).toFixed(2)} MB a minute, ` +
    `descriptors ${slope(settled(descriptors)).toFixed(2)} a minute`,
);
console.log(`${failures.length} failed`);
process.exitCode = failures.length === 0 && proxy.running ? 0 : 1;

/** Repeats until the time is over; what goes wrong is a failure unless the whole proxy is gone. */
async function forever(kind: string, act: () => Promise<void>): Promise<void> {
  while (performance.now() < endMs && proxy.running) {
    try {
      await act();
      counts.set(kind, counts.get(kind)! + 1);
    } catch (error) {
      failures.push(`${kind}: ${error instanceof Error ? error.message : String(error)}`);
      if (failures.length <= 20) await explain(failures.at(-1)!);
      if (failures.length > 1_000) return;
    }
  }
}

/** The failure with what the proxy says about it. */
async function explain(failure: string): Promise<void> {
  await Bun.sleep(200);
  console.log(`  ${failure.split("\n")[0]}`);
  const reasons = proxy.logs.filter(({ msg }) => msg === "Error while proxying");
  for (const reason of reasons.slice(-2)) console.log(`    ${JSON.stringify(reason)}`);
}

async function reportUntilEnd(): Promise<void> {
  console.log(`minutes  RSS MB  descriptors  failed  ${Object.keys(kinds).join(" ")}`);
  while (proxy.running) {
    const leftMs = endMs - performance.now();
    await Bun.sleep(Math.max(0, Math.min(reportIntervalMs, leftMs)));
    const passed = minutes - Math.max(0, endMs - performance.now()) / 60_000;
    const megabytes = (await proxy.residentBytes()) / 1_000_000;
    const open = proxy.descriptors().length;
    memory.push({ minutes: passed, value: megabytes });
    descriptors.push({ minutes: passed, value: open });
    console.log(
      [
        passed.toFixed(2).padStart(7),
        megabytes.toFixed(1).padStart(7),
        String(open).padStart(12),
        String(failures.length).padStart(7),
        ` ${[...counts.values()].join(" ")}`,
      ].join(" "),
    );
    // The log of a long run would outgrow the proxy that wrote it.
    proxy.logs.length = 0;
    if (leftMs <= reportIntervalMs) return;
  }
  failures.push("the proxy has ended");
}
