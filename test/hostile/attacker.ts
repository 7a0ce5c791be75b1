/**
 * One attack, a process of its own: `bun attacker.ts`, the plan as JSON on standard input. Opens its connections, sends
 * the opening bytes once and then the repeated ones at the wanted rate, for the wanted time; reads everything or
 * nothing. Prints how many bytes it sent. Connections that are closed are opened again.
 */
import type { Socket } from "bun";

export interface AttackPlan {
  port: number;
  tls: boolean;
  /** Server name and protocol of the handshake. */
  serverName: string;
  protocol: "http/1.1" | "h2";
  connections: number;
  seconds: number;
  /** Of all connections together; 0 sends only the opening. */
  bytesPerSecond: number;
  /** Base64. */
  opening: string;
  repeated: string;
  reads: boolean;
  /** Ends the whole attack after so many repeated bytes. */
  maxBytes: number;
}

const plan = (await Bun.stdin.json()) as AttackPlan;
const opening = Buffer.from(plan.opening, "base64");
const unit = Buffer.from(plan.repeated, "base64");
const burst =
  unit.length === 0 ? unit : Buffer.concat(Array(Math.ceil(65_536 / unit.length)).fill(unit));
const startedMs = performance.now();
let sentBytes = 0;
let reconnects = 0;

interface Line {
  rest: Buffer;
  open: boolean;
}
const sockets = new Set<Socket<Line>>();

async function connect(): Promise<void> {
  try {
    await Bun.connect<Line>({
      hostname: "127.0.0.1",
      port: plan.port,
      data: { rest: opening, open: true },
      ...(plan.tls
        ? {
            tls: {
              rejectUnauthorized: false,
              serverName: plan.serverName,
              // As it is on the wire (RFC 7301 3.1).
              ALPNProtocols: String.fromCharCode(plan.protocol.length) + plan.protocol,
            },
          }
        : {}),
      socket: {
        open(socket) {
          sockets.add(socket);
          if (!plan.reads && !plan.tls) socket.pause();
          send(socket);
        },
        data() {},
        handshake(socket) {
          if (!plan.reads) setTimeout(() => socket.pause(), 100);
        },
        drain(socket) {
          send(socket);
        },
        error() {},
        close(socket) {
          sockets.delete(socket);
          reconnects++;
          if (performance.now() - startedMs < plan.seconds * 1000 && reconnects < 2000) {
            setTimeout(() => void connect(), 10);
          }
        },
      },
    });
  } catch {
    setTimeout(() => void connect(), 50);
  }
}

function send(socket: Socket<Line>): boolean {
  const { data } = socket;
  if (data.rest.length === 0) return true;
  const taken = Math.max(socket.write(data.rest), 0);
  data.rest = data.rest.subarray(taken);
  return data.rest.length === 0;
}

for (let i = 0; i < plan.connections; i++) void connect();
const timer = setInterval(() => {
  const nowMs = performance.now();
  const seconds = (nowMs - startedMs) / 1000;
  if (seconds > plan.seconds || (plan.maxBytes > 0 && sentBytes >= plan.maxBytes)) {
    if (seconds > plan.seconds) {
      clearInterval(timer);
      process.stdout.write(JSON.stringify({ sentBytes, reconnects }));
      process.exit(0);
    }
    return;
  }
  if (plan.bytesPerSecond === 0) return;
  let allowed = plan.bytesPerSecond * seconds - sentBytes;
  for (let round = 0; round < 64 && allowed > 0; round++) {
    let isStuck = true;
    for (const socket of sockets) {
      if (allowed <= 0) break;
      if (!send(socket)) continue;
      const whole = Math.max(1, Math.floor(Math.min(burst.length, allowed) / unit.length));
      const bytes = whole * unit.length;
      socket.data.rest = burst.subarray(0, bytes);
      send(socket);
      sentBytes += bytes;
      allowed -= bytes;
      isStuck = false;
    }
    if (isStuck) break;
  }
}, 2);
