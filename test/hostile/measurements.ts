/** What attacks cost in memory, and what a proxy that was frozen makes of what waited for it. */
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { waitFor } from "../support/wait-for.ts";
import type { AttackPlan } from "./attacker.ts";
import { frame, headersFrame, http2Opening, startAttack } from "./attacks.ts";
import { treePssBytes } from "./memory.ts";
import { hosts, startSubject, type HostileSubject } from "./subject.ts";

export interface MeasuredRow {
  title: string;
  value: string;
}

export interface MemoryCase {
  title: string;
  tls: boolean;
  protocol: "http/1.1" | "h2";
  host: string;
  connections: number;
  opening: Buffer;
  repeated: Buffer;
  /** Of all connections together. */
  maxBytes: number;
  unit: "bytes a body byte" | "KB each" | "MB in all";
}

const upload = (host: string): Buffer =>
  Buffer.from(`POST /sink HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n`);
const download = (host: string, path: string): Buffer =>
  Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
/** So much that what the engine takes once, for compiled code and a larger heap, does not count. */
const chunkBytes = 120e6;
const frameBytes = 120e6;
/** Time in which they are sent. */
const sendingSeconds = 5;
/** So many that what a process takes once counts little. */
const manyReaders = 100;

/** `readers` is how many clients take nothing, in each of those cases. */
export function memoryCases(readers = manyReaders): MemoryCase[] {
  const plain = { tls: false, protocol: "http/1.1" as const };
  const tls = { tls: true, protocol: "http/1.1" as const };
  const http2 = { tls: true, protocol: "h2" as const };
  const slow = {
    repeated: Buffer.alloc(0),
    maxBytes: 0,
    connections: readers,
    unit: "KB each" as const,
  };
  const buffered = `b.${hosts.tls}`;
  return [
    {
      title: "collected body of one-byte chunks",
      ...plain,
      host: hosts.buffered,
      connections: 1,
      opening: upload(hosts.buffered),
      repeated: Buffer.from("1\r\nx\r\n"),
      maxBytes: chunkBytes,
      unit: "bytes a body byte",
    },
    {
      title: "collected body of one-byte frames, HTTP/2",
      ...http2,
      host: buffered,
      connections: 1,
      opening: Buffer.concat([http2Opening(), headersFrame(1, "POST", "/sink", buffered, false)]),
      repeated: frame(0, 0, 1, Buffer.from("x")),
      maxBytes: frameBytes,
      unit: "bytes a body byte",
    },
    {
      title: "8 HTTP/2 clients that take nothing",
      ...http2,
      host: hosts.tls,
      connections: 8,
      opening: Buffer.concat([
        http2Opening(0),
        ...Array.from({ length: 256 }, (_, i) =>
          headersFrame(1 + 2 * i, "GET", "/large/262144", hosts.tls, true),
        ),
      ]),
      repeated: Buffer.alloc(0),
      maxBytes: 0,
      unit: "MB in all",
    },
    {
      title: "8 HTTP/2 clients that take nothing, collected",
      ...http2,
      host: buffered,
      connections: 8,
      opening: Buffer.concat([
        http2Opening(0),
        ...Array.from({ length: 256 }, (_, i) =>
          headersFrame(1 + 2 * i, "GET", "/large/262144", buffered, true),
        ),
      ]),
      repeated: Buffer.alloc(0),
      maxBytes: 0,
      unit: "MB in all",
    },
    {
      title: "slow reader of 20 MB, plain",
      ...plain,
      host: hosts.plain,
      opening: download(hosts.plain, "/large/20000000"),
      ...slow,
    },
    {
      title: "slow reader of 20 MB, chunked",
      ...plain,
      host: hosts.plain,
      opening: download(hosts.plain, "/chunked/20000000"),
      ...slow,
    },
    {
      title: "slow reader of 20 MB, TLS",
      ...tls,
      host: hosts.tls,
      opening: download(hosts.tls, "/large/20000000"),
      ...slow,
    },
    {
      title: "slow reader of 20 MB, HTTP/2",
      ...http2,
      host: hosts.tls,
      opening: Buffer.concat([
        http2Opening(),
        headersFrame(1, "GET", "/large/20000000", hosts.tls, true),
      ]),
      ...slow,
    },
    {
      title: "held upload",
      ...plain,
      host: hosts.paused,
      opening: Buffer.concat([
        upload(hosts.paused),
        Buffer.from(`10000\r\n${"x".repeat(65536)}\r\n`.repeat(30)),
      ]),
      ...slow,
    },
    {
      title: "300 answers in one-byte chunks",
      ...plain,
      host: hosts.plain,
      connections: 300,
      opening: download(hosts.plain, "/bytes/6"),
      // Next to nothing, so that they are read.
      repeated: Buffer.from("\r\n"),
      maxBytes: 2,
      unit: "MB in all",
    },
    {
      title: "1,000 uploads in one-byte chunks",
      ...plain,
      host: hosts.plain,
      connections: 1000,
      opening: upload(hosts.plain),
      repeated: Buffer.from("1\r\nx\r\n"),
      maxBytes: 60e6 * sendingSeconds,
      unit: "MB in all",
    },
    {
      title: "1,000 uploads in one-byte chunks, TLS",
      ...tls,
      host: hosts.tls,
      connections: 1000,
      opening: upload(hosts.tls),
      repeated: Buffer.from("1\r\nx\r\n"),
      maxBytes: 60e6 * sendingSeconds,
      unit: "MB in all",
    },
  ];
}

/** Most that the proxy's memory grew by while the attack went on. */
export async function memoryRows(
  name: string,
  binary: string,
  app: string,
  only: string,
): Promise<MeasuredRow[]> {
  const rows: MeasuredRow[] = [];
  for (const memoryCase of memoryCases()) {
    if (!memoryCase.title.includes(only)) continue;
    await using subject = await startSubject(name, binary, app);
    const { growthBytes, sentBytes } = await growthOf(subject, memoryCase);
    const divisors = {
      "bytes a body byte": sentBytes / Math.max(memoryCase.repeated.length, 1),
      "KB each": memoryCase.connections * 1024,
      "MB in all": 1024 * 1024,
    };
    const value = `${(growthBytes / divisors[memoryCase.unit]).toFixed(1)} ${memoryCase.unit}`;
    rows.push({ title: memoryCase.title, value });
  }
  return rows;
}

async function growthOf(
  subject: HostileSubject,
  wanted: MemoryCase,
): Promise<{ growthBytes: number; sentBytes: number }> {
  const { proxy } = subject;
  await warmUp(subject, wanted);
  const before = treePssBytes(proxy.pid);
  const attacker = startAttack(memoryPlan(subject, wanted, sendingSeconds + 1));
  let most = before;
  const watching = setInterval(() => (most = Math.max(most, treePssBytes(proxy.pid))), 100);
  const { sentBytes } = JSON.parse(await new Response(attacker.stdout).text()) as {
    sentBytes: number;
  };
  clearInterval(watching);
  return { growthBytes: most - before, sentBytes };
}

export function memoryPlan(
  { proxy }: HostileSubject,
  wanted: MemoryCase,
  seconds: number,
): AttackPlan {
  return {
    port: wanted.tls ? proxy.httpsPort : proxy.httpPort,
    tls: wanted.tls,
    serverName: wanted.host,
    protocol: wanted.protocol,
    connections: wanted.connections,
    seconds,
    bytesPerSecond: wanted.maxBytes / sendingSeconds,
    opening: wanted.opening.toString("base64"),
    repeated: wanted.repeated.toString("base64"),
    reads: wanted.maxBytes > 0,
    maxBytes: wanted.maxBytes,
  };
}

/** Code that was never used is memory, too: ordinary requests, and a third of the attack for a moment. */
async function warmUp(subject: HostileSubject, wanted: MemoryCase): Promise<void> {
  const { proxy } = subject;
  for (let round = 0; round < 200; round++) {
    using connection = await connectRaw(proxy.httpPort);
    connection.send(
      `GET /large/100000 HTTP/1.1\r\nHost: ${hosts.other}\r\nConnection: close\r\n\r\n`,
    );
    await connection.receiveAll();
  }
  const third = { ...wanted, connections: Math.ceil(wanted.connections / 3) };
  await startAttack(memoryPlan(subject, third, 2)).exited;
  await settled(proxy.pid);
}

/** Half a second without more than 100 KB of change, or ten seconds. */
async function settled(pid: number): Promise<void> {
  let steadyBytes = 0;
  let sinceMs = 0;
  const isSteady = (): boolean => {
    const bytes = treePssBytes(pid);
    if (Math.abs(bytes - steadyBytes) >= 100e3) {
      steadyBytes = bytes;
      sinceMs = performance.now();
    }
    return performance.now() - sinceMs >= 500;
  };
  await waitFor(isSteady, "memory to be steady", 10_000).catch(() => {});
}

const freezes = 10;
const frozenMs = 4_000;
const waiting = 4;

/** The process stops while requests are at the app, whose answers come in the meantime. */
export async function freeze(name: string, binary: string, app: string): Promise<MeasuredRow[]> {
  await using subject = await startSubject(name, binary, app);
  const { proxy } = subject;
  await proxy.deploy(
    "timed",
    app,
    "--host=timed.example",
    "--target-timeout=2s",
    "--health-check-interval=1s",
  );
  await proxy.deploy(
    "pool",
    app,
    `--target=localhost:${app.split(":")[1]}`,
    "--host=pool.example",
    "--health-check-interval=1s",
    "--health-check-timeout=2s",
  );
  let lost = 0;
  let unavailable = 0;
  for (let round = 0; round < freezes; round++) {
    const connections: RawConnection[] = [];
    for (let i = 0; i < waiting; i++) {
      const connection = await connectRaw(proxy.httpPort);
      connection.send("GET /slow HTTP/1.1\r\nHost: timed.example\r\nConnection: close\r\n\r\n");
      connections.push(connection);
    }
    await Bun.sleep(20);
    await proxy.freeze(frozenMs);
    for (const connection of connections) {
      const answer = (await connection.receiveAll()).toString("latin1");
      if (!answer.startsWith("HTTP/1.1 200")) lost++;
    }
    for (let i = 0; i < 24; i++) {
      using connection = await connectRaw(proxy.httpPort);
      connection.send("GET / HTTP/1.1\r\nHost: pool.example\r\nConnection: close\r\n\r\n");
      const answer = (await connection.receiveAll()).toString("latin1");
      if (!answer.startsWith("HTTP/1.1 200")) unavailable++;
      await Bun.sleep(20);
    }
  }
  return [
    { title: `answers lost of ${freezes * waiting}`, value: String(lost) },
    { title: `requests refused behind it of ${freezes * 24}`, value: String(unavailable) },
  ];
}
