/**
 * `bun scripts/soak.ts [minutes]` (5 when left out): mixed traffic against the built binary while services are
 * deployed, paused and resumed, clients leave and tunnels open. Prints a line every so often with memory,
 * descriptors and counts; ends with 1 when a request failed or the proxy did not stay up.
 */
import { readdirSync } from "node:fs";
import { ProxyProcess } from "../test/support/proxy-process.ts";
import { connectRaw } from "../test/support/raw-connection.ts";
import { rawRequest } from "../test/support/raw-request.ts";
import { type RawServer, startRawServer } from "../test/support/raw-server.ts";
import { waitFor } from "../test/support/wait-for.ts";

const minutes = Number(process.argv[2] ?? 5);
if (!(minutes > 0)) throw new Error("usage: bun scripts/soak.ts [minutes]");
const endMs = performance.now() + minutes * 60_000;
const reportIntervalMs = Math.min(15_000, (minutes * 60_000) / 8);

const counts = { requests: 0, uploads: 0, aborts: 0, tunnels: 0, deploys: 0, pauses: 0 };
const failures: string[] = [];

await using proxy = await ProxyProcess.start();
const apps = [startSoakApp(), startSoakApp()];
const flags = {
  streamed: ["--host=streamed.test"],
  buffered: [
    "--host=buffered.test",
    "--buffer-requests",
    "--buffer-responses",
    "--buffer-memory=10000",
  ],
};
for (const service of Object.keys(flags)) await deploy(service);

const workers = [
  ...Array.from({ length: 4 }, () => forever("requests", ordinaryRequest)),
  ...Array.from({ length: 2 }, () => forever("uploads", upload)),
  forever("aborts", abortedUpload),
  forever("tunnels", tunnel),
  forever("deploys", () => deploy(Math.random() < 0.5 ? "streamed" : "buffered")),
  forever("pauses", pauseAndResume),
];
const reports = reportUntilEnd();
await Promise.all([...workers, reports]);
for (const app of apps) app[Symbol.dispose]();

console.log(`${failures.length} failed`);
for (const failure of failures.slice(0, 20)) console.log(`  ${failure}`);
process.exit(failures.length === 0 && proxy.running ? 0 : 1);

/** Repeats until the time is over; what goes wrong is a failure unless the whole proxy is gone. */
async function forever(kind: keyof typeof counts, act: () => Promise<void>): Promise<void> {
  while (performance.now() < endMs && proxy.running) {
    try {
      await act();
      counts[kind]++;
    } catch (error) {
      failures.push(`${kind}: ${error instanceof Error ? error.message : String(error)}`);
      if (failures.length > 1_000) return;
    }
  }
}

function startSoakApp(): RawServer {
  return startRawServer(async (connection) => {
    for (;;) {
      await waitFor(
        () => connection.peerEnded || connection.unread.length > 0,
        "a request",
        Number.POSITIVE_INFINITY,
      );
      if (connection.peerEnded) return;
      const head = await connection.receive("\r\n\r\n");
      const length = Number(/\r\nContent-Length: (\d+)\r\n/i.exec(head)?.[1] ?? 0);
      if (/\r\nUpgrade: /i.test(head)) {
        connection.send(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
        );
        connection.send(await connection.receiveBytes(4));
        return;
      }
      await connection.receiveBytes(length);
      const body = `${head.split(" ")[1]} ${length}`;
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    }
  });
}

function anyService(): string {
  return Math.random() < 0.5 ? "streamed" : "buffered";
}

async function deploy(service: string): Promise<void> {
  const target = apps[Math.floor(Math.random() * apps.length)]!.address;
  await proxy.deploy(service, target, ...flags[service as keyof typeof flags]);
}

async function ordinaryRequest(): Promise<void> {
  const path = `/${Math.random()}`;
  const answer = await rawRequest(
    proxy.httpPort,
    `GET ${path} HTTP/1.1\r\nHost: ${anyService()}.test\r\nConnection: close\r\n\r\n`,
  );
  if (!answer.startsWith("HTTP/1.1 200 ") || !answer.endsWith(`\r\n\r\n${path} 0`)) {
    throw new Error(`answered ${JSON.stringify(answer.slice(0, 200))}`);
  }
}

async function upload(): Promise<void> {
  const length = Math.floor(Math.random() * 200_000);
  const answer = await rawRequest(
    proxy.httpPort,
    `POST / HTTP/1.1\r\nHost: ${anyService()}.test\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(length)}`,
  );
  if (!answer.endsWith(`\r\n\r\n/ ${length}`)) {
    throw new Error(`answered ${JSON.stringify(answer.slice(0, 200))}`);
  }
}

async function abortedUpload(): Promise<void> {
  using connection = await connectRaw(proxy.httpPort);
  connection.send(
    `POST / HTTP/1.1\r\nHost: ${anyService()}.test\r\nContent-Length: 90000\r\n\r\n${"x".repeat(60_000)}`,
  );
  await Bun.sleep(Math.random() * 20);
}

/** A deploy may end a tunnel, so only its beginning has to work. */
async function tunnel(): Promise<void> {
  using connection = await connectRaw(proxy.httpPort);
  connection.send(
    `GET / HTTP/1.1\r\nHost: ${anyService()}.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nping`,
  );
  await connection.receive("HTTP/1.1 101 ");
  await waitFor(() => connection.peerEnded || connection.unread.endsWith("ping"), "the echo");
}

async function pauseAndResume(): Promise<void> {
  const service = anyService();
  for (const command of ["pause", "resume"]) {
    const { code, stderr } = await proxy.run(command, service);
    if (code !== 0) throw new Error(stderr.trim());
    await Bun.sleep(50);
  }
  await Bun.sleep(500);
}

async function reportUntilEnd(): Promise<void> {
  console.log(
    "minutes  RSS MB  descriptors  failed  requests uploads aborts tunnels deploys pauses",
  );
  while (proxy.running) {
    const leftMs = endMs - performance.now();
    await Bun.sleep(Math.max(0, Math.min(reportIntervalMs, leftMs)));
    const passed = minutes - Math.max(0, endMs - performance.now()) / 60_000;
    const megabytes = (await proxy.residentBytes()) / 1_000_000;
    const descriptors = readdirSync(`/proc/${proxy.pid}/fd`).length;
    console.log(
      [
        passed.toFixed(2).padStart(7),
        megabytes.toFixed(1).padStart(7),
        String(descriptors).padStart(12),
        String(failures.length).padStart(7),
        ` ${Object.values(counts).join(" ")}`,
      ].join(" "),
    );
    // The log of a long run would outgrow the proxy that wrote it.
    proxy.logs.length = 0;
    if (leftMs <= reportIntervalMs) return;
  }
  failures.push("the proxy has ended");
}
