/**
 * `bun test/leaks/main.ts`: what a thousand deploys, ten thousand aborted and as many held and abandoned
 * requests, and a thousand tunnels leave behind in the built binary: descriptors, spill files, memory,
 * threads. Prints a table; ends with 1 when descriptors or spill files have grown. `--scale=0.1` does a
 * tenth of each. KAMAL_PROXY_TEST_BINARY names another binary with the same command line.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { rawRequest } from "../support/raw-request.ts";
import { isSpillFile, namedSpillFiles } from "../support/spill-files.ts";
import { waitFor } from "../support/wait-for.ts";
import { formatTable } from "../bench/table.ts";
import { startSoakApp } from "../soak/soak-app.ts";

/** For timers and files of the runtime. */
const spareDescriptors = 5;
const clientsAtOnce = 100;

const { values } = parseArgs({ options: { scale: { type: "string", default: "1" } } });
const scale = Number(values.scale);
if (!(scale > 0)) throw new Error("usage: bun test/leaks/main.ts [--scale=1]");

await using proxy = await ProxyProcess.start();
const app = startSoakApp();
const flags = {
  streamed: ["--host=streamed.test"],
  buffered: [
    "--host=buffered.test",
    "--buffer-requests",
    "--buffer-responses",
    "--buffer-memory=1000",
  ],
};
await deployAll();

interface Pass {
  name: string;
  count: number;
  act: (count: number) => Promise<void>;
}

const passes: Pass[] = [
  { name: "deploys", count: 1_000, act: deploys },
  {
    name: "aborted requests",
    count: 10_000,
    act: (count) => inGroups(count, leave(abortedRequest)),
  },
  { name: "held and abandoned", count: 10_000, act: heldRequests },
  { name: "tunnels", count: 1_000, act: (count) => inGroups(count, tunnels) },
  { name: "spilled uploads", count: 1_000, act: (count) => inGroups(count, spilledUploads) },
];

interface Figures {
  descriptors: number;
  spillFiles: number;
  megabytes: number;
  threads: number;
}

const rows: string[][] = [];
let grown = false;
for (const { name, count, act } of passes) {
  const scaled = Math.max(1, Math.round(count * scale));
  await act(Math.ceil(scaled / 20));
  const before = await figures(0);
  const startedMs = performance.now();
  await act(scaled);
  const seconds = (performance.now() - startedMs) / 1_000;
  const after = await figures(before.descriptors + spareDescriptors);
  const leaks = after.descriptors > before.descriptors + spareDescriptors || after.spillFiles > 0;
  grown ||= leaks;
  rows.push([
    `${scaled} ${name}`,
    `${seconds.toFixed(1)} s`,
    `${before.descriptors} → ${after.descriptors}`,
    `${before.spillFiles} → ${after.spillFiles}`,
    `${before.megabytes.toFixed(1)} → ${after.megabytes.toFixed(1)}`,
    `${before.threads} → ${after.threads}`,
    leaks ? "LEAK" : "ok",
  ]);
  proxy.logs.length = 0;
}
console.log(formatTable(["", "time", "descriptors", "spill files", "RSS MB", "threads", ""], rows));
app[Symbol.dispose]();
process.exitCode = grown || !proxy.running ? 1 : 0;

async function deploys(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await proxy.deploy("streamed", app.address, ...flags.streamed);
    if (i % 10 === 0) await ask("streamed");
  }
}

async function deployAll(): Promise<void> {
  for (const [service, more] of Object.entries(flags)) {
    await proxy.deploy(service, app.address, ...more);
  }
}

/** Everything at once while the service is paused; then all clients leave and it is resumed. */
async function heldRequests(count: number): Promise<void> {
  await command("pause", "streamed", "--max-pause=10m");
  const clients: RawConnection[] = [];
  await inGroups(count, async (group) => {
    const held = await connect(group);
    for (const client of held) client.send("GET /held HTTP/1.1\r\nHost: streamed.test\r\n\r\n");
    clients.push(...held);
  });
  await ask("buffered");
  for (const client of clients) client.reset();
  await command("resume", "streamed");
  await ask("streamed");
}

function abortedRequest(index: number): string {
  const service = index % 2 === 0 ? "streamed" : "buffered";
  if (index % 3 === 0) return `GET / HTTP/1.1\r\nHost: ${service}.test\r\n\r\n`;
  return `POST / HTTP/1.1\r\nHost: ${service}.test\r\nContent-Length: 90000\r\n\r\n${"x".repeat(50_000)}`;
}

/** Clients that leave when the proxy has begun with what they sent. */
function leave(request: (index: number) => string): (count: number) => Promise<void> {
  return async (count) => {
    const clients = await connect(count);
    for (const [index, client] of clients.entries()) client.send(request(index));
    // Who comes later is answered later.
    await ask("buffered");
    for (const client of clients) client.reset();
  };
}

async function tunnels(count: number): Promise<void> {
  const clients = await connect(count);
  for (const [index, client] of clients.entries()) {
    client.send(
      "GET / HTTP/1.1\r\nHost: streamed.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
    );
    await client.receive("\r\n\r\n");
    client.send("ping");
    await client.receive("ping");
    if (index % 2 === 0) client.close();
    else client.reset();
  }
}

async function spilledUploads(count: number): Promise<void> {
  const body = "x".repeat(50_000);
  const request = `POST / HTTP/1.1\r\nHost: buffered.test\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  await Promise.all(Array.from({ length: count }, () => rawRequest(proxy.httpPort, request)));
}

async function inGroups(count: number, act: (count: number) => Promise<void>): Promise<void> {
  for (let left = count; left > 0; left -= clientsAtOnce) await act(Math.min(left, clientsAtOnce));
}

function connect(count: number): Promise<RawConnection[]> {
  return Promise.all(Array.from({ length: count }, () => connectRaw(proxy.httpPort)));
}

async function ask(service: string): Promise<void> {
  const answer = await rawRequest(
    proxy.httpPort,
    `GET / HTTP/1.1\r\nHost: ${service}.test\r\nConnection: close\r\n\r\n`,
  );
  if (!answer.startsWith("HTTP/1.1 200 ")) throw new Error(`answered ${answer.slice(0, 200)}`);
}

async function command(...args: string[]): Promise<void> {
  const { code, stderr } = await proxy.run(...args);
  if (code !== 0) throw new Error(`${args.join(" ")}: ${stderr.trim()}`);
}

/** Taken when the number of descriptors has settled, at most at `wanted` if that happens at all. */
async function figures(wanted: number): Promise<Figures> {
  // New targets have no pooled connections yet, and those of the old ones are closed.
  await deployAll();
  let last = -1;
  let same = 0;
  await waitFor(
    () => {
      const open = proxy.descriptors().length;
      same = open === last ? same + 1 : 0;
      last = open;
      return same >= 20 && (wanted === 0 || open <= wanted);
    },
    "descriptors to settle",
    20_000,
  ).catch(() => undefined);
  const status = readFileSync(`/proc/${proxy.pid}/status`, "latin1");
  const open = proxy.descriptors();
  return {
    descriptors: open.length,
    spillFiles: open.filter(isSpillFile).length + namedSpillFiles(proxy).length,
    megabytes: (await proxy.residentBytes()) / 1_000_000,
    threads: Number(/^Threads:\s+(\d+)$/m.exec(status)?.[1] ?? 0),
  };
}
