/** The attacks as plans for `attacker.ts`: what is sent first, what again and again. */
import { join } from "node:path";
import { bunPath } from "../../scripts/project.ts";
import type { AttackPlan } from "./attacker.ts";
import { hosts, type HostileSubject } from "./subject.ts";

export interface Attack {
  name: string;
  tls?: boolean;
  protocol?: "http/1.1" | "h2";
  host?: string;
  connections: number;
  megabytesPerSecond: number;
  opening?: Buffer;
  repeated: Buffer;
  reads?: boolean;
}

export function planOf(attack: Attack, subject: HostileSubject, seconds: number): AttackPlan {
  const { proxy } = subject;
  const tls = attack.tls ?? false;
  return {
    port: tls ? proxy.httpsPort : proxy.httpPort,
    tls,
    serverName: attack.host ?? hosts.tls,
    protocol: attack.protocol ?? "http/1.1",
    connections: attack.connections,
    seconds,
    bytesPerSecond: attack.megabytesPerSecond * 1e6,
    opening: (attack.opening ?? Buffer.alloc(0)).toString("base64"),
    repeated: attack.repeated.toString("base64"),
    reads: attack.reads ?? true,
    maxBytes: 0,
  };
}

const request = (host: string, path = "/"): Buffer =>
  Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);

const selfAnswered: Record<string, Buffer> = {
  "unknown host": request("nobody.example"),
  "stopped service": request(hosts.stopped),
  "health path of a paused one": request(hosts.paused, "/up"),
  "ACME path": request(hosts.tls, "/.well-known/acme-challenge/abc"),
  "OPTIONS *": Buffer.from(`OPTIONS * HTTP/1.1\r\nHost: ${hosts.plain}\r\n\r\n`),
};

export function pipelinedRequests(): Attack[] {
  const attacks: Attack[] = [];
  for (const [kind, repeated] of Object.entries(selfAnswered)) {
    for (const megabytesPerSecond of [2, 8, 30]) {
      for (const connections of [1, 32]) {
        const name = `${kind}, ${megabytesPerSecond} MB/s, ${connections}`;
        attacks.push({ name, connections, megabytesPerSecond, repeated });
      }
    }
  }
  for (const megabytesPerSecond of [2, 8, 30]) {
    for (const connections of [1, 32]) {
      attacks.push({
        name: `stopped service over TLS, ${megabytesPerSecond} MB/s, ${connections}`,
        tls: true,
        connections,
        megabytesPerSecond,
        repeated: request("nobody.example"),
      });
    }
  }
  return attacks;
}

const upload = (host: string): Buffer =>
  Buffer.from(`POST /sink HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n`);
const chunk = Buffer.from("1\r\nx\r\n");

export function tinyPieces(): Attack[] {
  const download = Buffer.from(`GET /bytes/4 HTTP/1.1\r\nHost: ${hosts.plain}\r\n\r\n`);
  const attacks: Attack[] = [
    {
      name: "app answers in one-byte chunks",
      opening: download,
      repeated: Buffer.alloc(0),
      megabytesPerSecond: 0,
      connections: 1,
    },
    {
      name: "8 answers in one-byte chunks",
      opening: download,
      repeated: Buffer.alloc(0),
      megabytesPerSecond: 0,
      connections: 8,
    },
    {
      name: "8 answers in one-byte chunks, TLS",
      tls: true,
      opening: Buffer.from(`GET /bytes/4 HTTP/1.1\r\nHost: ${hosts.tls}\r\n\r\n`),
      repeated: Buffer.alloc(0),
      megabytesPerSecond: 0,
      connections: 8,
    },
    {
      name: "8 answers in one-byte chunks, HTTP/2",
      tls: true,
      protocol: "h2",
      opening: Buffer.concat([
        http2Opening(),
        headersFrame(1, "GET", "/bytes/4", hosts.tls, true),
        windowUpdate(0),
        windowUpdate(1),
      ]),
      repeated: Buffer.alloc(0),
      megabytesPerSecond: 0,
      connections: 8,
    },
  ];
  for (const megabytesPerSecond of [3, 26]) {
    for (const connections of [1, 8]) {
      attacks.push({
        name: `one-byte chunks up, ${megabytesPerSecond} MB/s, ${connections}`,
        opening: upload(hosts.plain),
        repeated: chunk,
        megabytesPerSecond,
        connections,
      });
      attacks.push({
        name: `one-byte frames up, HTTP/2, ${megabytesPerSecond} MB/s, ${connections}`,
        tls: true,
        protocol: "h2",
        opening: Buffer.concat([
          http2Opening(),
          headersFrame(1, "POST", "/sink", hosts.tls, false),
        ]),
        repeated: frame(0, 0, 1, Buffer.from("x")),
        megabytesPerSecond,
        connections,
      });
    }
  }
  return attacks;
}

export function hugeHeads(): Attack[] {
  const size = 1_000_000;
  const head = (line: Buffer | string, path: Buffer | string = "/"): Buffer =>
    Buffer.concat([
      Buffer.from("GET "),
      Buffer.from(path as string, "latin1"),
      Buffer.from(` HTTP/1.1\r\nHost: ${hosts.plain}\r\n`),
      Buffer.from(line as string, "latin1"),
      Buffer.from("\r\n\r\n"),
    ]);
  const kinds: Record<string, Buffer> = {
    "User-Agent of 0xff": head(`User-Agent: ${"\xff".repeat(size)}`),
    "path of %ff": head("X-A: b", `/${"%ff".repeat(size / 3)}`),
    "Connection of 140,000 names": head(`Connection: ${"abcdef,".repeat(size / 7)}`),
    "X-Forwarded-For of 1 MB": head(`X-Forwarded-For: ${"1.2.3.4, ".repeat(size / 9)}`),
    "Cookie of 1 MB": head(`Cookie: ${"a=b; ".repeat(size / 5)}`),
    "fields without end": head(
      Array.from({ length: 60_000 }, (_, i) => `x-${i}: ${i}`).join("\r\n"),
    ),
  };
  return Object.entries(kinds).map(([name, repeated]) => ({
    name,
    connections: 2,
    megabytesPerSecond: 15,
    repeated,
  }));
}

export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Preface and SETTINGS; `window` is the initial window of every stream (RFC 9113 6.5.2). */
export function http2Opening(window?: number): Buffer {
  const settings = Buffer.alloc(window === undefined ? 0 : 6);
  if (window !== undefined) {
    settings.writeUInt16BE(4, 0);
    settings.writeUInt32BE(window, 2);
  }
  return Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, settings)]);
}

export function windowUpdate(stream: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(0x3fffffff, 0);
  return frame(8, 0, stream, payload);
}

/** HEADERS with literals that are not indexed (RFC 7541 6.2.2). */
export function headersFrame(
  stream: number,
  method: string,
  path: string,
  host: string,
  ends: boolean,
): Buffer {
  const fields = [":method", method, ":scheme", "https", ":authority", host, ":path", path];
  const parts: Buffer[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    parts.push(Buffer.from([0]));
    for (const text of [fields[i]!, fields[i + 1]!]) {
      parts.push(Buffer.from([text.length]), Buffer.from(text, "latin1"));
    }
  }
  return frame(1, ends ? 5 : 4, stream, Buffer.concat(parts));
}

/** The attacker as a process of its own, so that it takes nothing from those who measure but its core. */
export function startAttack(plan: AttackPlan): Bun.Subprocess<Blob, "pipe", "inherit"> {
  return Bun.spawn([bunPath, join(import.meta.dir, "attacker.ts")], {
    stdin: new Blob([JSON.stringify(plan)]),
    stdout: "pipe",
  });
}
