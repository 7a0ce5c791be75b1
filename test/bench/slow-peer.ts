/** How much a proxy takes in when the other side does not read: growth of its memory. */
import type { Socket } from "bun";
import { end, track } from "./cleanup.ts";
import { treeUsage } from "./process-tree.ts";
import type { RunningSubject } from "./subject.ts";
import { slowBodyBytes } from "./upstream.ts";

const samplingIntervalMs = 50;
const chunk = Buffer.alloc(64 * 1024, "x");

export interface SlowPeerResult {
  growthBytes: number;
  /** Bytes that the sending side got rid of; null when the proxy's app is the sender. */
  takenBytes: number | null;
}

/** An app that is healthy and otherwise never reads what it is sent. */
export function startDeafApp(): AsyncDisposable & { target: string } {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        if (bytes.toString("latin1").startsWith("GET /up ")) {
          socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        } else {
          socket.pause();
        }
      },
    },
  });
  return track({
    target: `127.0.0.1:${listener.port}`,
    async [Symbol.asyncDispose]() {
      listener.stop(true);
    },
  });
}

export async function measureSlowPeer(
  direction: "download" | "upload",
  subject: RunningSubject,
  host: string,
  seconds: number,
): Promise<SlowPeerResult> {
  const before = treeUsage(subject.pid).residentBytes;
  const client =
    direction === "download"
      ? await deafClient(subject.port, host)
      : await pushingClient(subject.port, host);
  let peak = before;
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline) {
    peak = Math.max(peak, treeUsage(subject.pid).residentBytes);
    await Bun.sleep(samplingIntervalMs);
  }
  const { takenBytes } = client;
  await end(client);
  return { growthBytes: peak - before, takenBytes };
}

type Client = AsyncDisposable & { readonly takenBytes: number | null };

async function deafClient(port: number, host: string): Promise<Client> {
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data: (connected) => connected.pause() },
  });
  socket.write(`GET /200mb HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return track({
    takenBytes: null,
    async [Symbol.asyncDispose]() {
      socket.terminate();
    },
  });
}

async function pushingClient(port: number, host: string): Promise<Client> {
  let left = slowBodyBytes;
  const push = (socket: Socket): void => {
    while (left > 0) {
      const taken = socket.write(chunk, 0, Math.min(chunk.length, left));
      if (taken <= 0) return;
      left -= taken;
    }
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data() {}, drain: push },
  });
  socket.write(
    `POST /upload HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${slowBodyBytes}\r\n\r\n`,
  );
  push(socket);
  return track({
    get takenBytes() {
      return slowBodyBytes - left;
    },
    async [Symbol.asyncDispose]() {
      socket.terminate();
    },
  });
}
