/**
 * `bun test/soak/upgrades.ts [upgrades] [--clients=200]` (100 upgrades when left out): the built binary
 * replaces itself again and again under clients of all kinds. Prints what it costs and what is left
 * behind; ends with 1 when a request failed.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { childrenOf } from "../support/worker-processes.ts";
import { type Act, kinds, serverName, startUpgradeApp } from "./upgrade-clients.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { clients: { type: "string", default: "200" } },
});
const upgrades = Number(positionals[0] ?? 100);
const clientCount = Number(values.clients);
if (!(upgrades > 0) || !(clientCount > 0)) {
  throw new Error("usage: bun test/soak/upgrades.ts [upgrades] [--clients=200]");
}
const shownEvery = Math.max(1, Math.floor(upgrades / 10));
/** Replaced workers that have tunnels may go on for as long as a tunnel of a client lives. */
const leftBehindMs = 120_000;

using app = startUpgradeApp();
await using proxy = await ProxyProcess.start({ env: { KAMAL_PROXY_WORKERS: "2" } });
const leaf = createCertificate([serverName]);
const flags = saveCertificate(join(proxy.home, "leaf"), leaf);
await proxy.deploy(
  "web",
  `127.0.0.1:${app.port}`,
  `--host=${serverName}`,
  "--tls-redirect=false",
  ...flags,
);

const ending = new AbortController();
const counts = new Map(Object.keys(kinds).map((kind) => [kind, 0]));
const failures: string[] = [];
const clients = Object.entries(kinds).flatMap(([kind, { share, act }]) =>
  Array.from({ length: Math.ceil((clientCount * share) / 100) }, () => forever(kind, act)),
);

console.log(`${clients.length} clients; upgrades  ms  PSS MB  descriptors  processes  failed`);
const durations: number[] = [];
await report(0);
for (let done = 1; done <= upgrades; done++) {
  const beganMs = performance.now();
  const { code, stderr } = await proxy.run("upgrade");
  durations.push(performance.now() - beganMs);
  if (code !== 0) failures.push(`upgrade: ${stderr.trim()}`);
  proxy.logs.length = 0;
  if (done % shownEvery === 0) await report(done);
}
ending.abort();
await Promise.all(clients);
await waitFor(
  () => childrenOf(proxy.pid).length === 2,
  "the end of replaced workers",
  leftBehindMs,
);
console.log("afterwards, without clients:");
await report(upgrades);
const sorted = durations.toSorted((a, b) => a - b);
console.log(
  `upgrade: median ${Math.round(sorted[sorted.length >> 1]!)} ms, slowest ${Math.round(sorted.at(-1)!)} ms`,
);
for (const [kind, count] of counts) console.log(`${kind}: ${count} answered`);
for (const failure of new Set(failures)) console.log(`  ${failure.split("\n")[0]}`);
console.log(`${failures.length} failed`);
process.exitCode = failures.length === 0 && proxy.running ? 0 : 1;

async function forever(kind: string, act: Act): Promise<void> {
  while (!ending.signal.aborted) {
    try {
      counts.set(kind, counts.get(kind)! + (await act(proxy)));
    } catch (error) {
      failures.push(`${kind}: ${error instanceof Error ? error.message : String(error)}`);
      if (failures.length <= 20) console.log(`  ${failures.at(-1)!.split("\n")[0]}`);
    }
  }
}

async function report(done: number): Promise<void> {
  const megabytes = (await proxy.residentBytes()) / 1_000_000;
  const lastMs = Math.round(durations.at(-1) ?? 0);
  console.log(
    [
      done,
      lastMs,
      megabytes.toFixed(1),
      proxy.descriptors().length,
      proxy.pids.length,
      failures.length,
    ]
      .map((text) => String(text).padStart(10))
      .join(""),
  );
}
