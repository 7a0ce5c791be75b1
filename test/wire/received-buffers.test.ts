/** What body bytes are forwarded on without a copy: Bun gives each read event a buffer of its own. */
import { describe, expect, test } from "bun:test";
import { keyPair } from "../support/fake-certificates.ts";
import { within } from "../support/wait-for.ts";

const sent = Buffer.alloc(3 * 1024 * 1024);
for (let i = 0; i < sent.length; i++) sent[i] = (i * 31 + (i >> 12)) & 0xff;

interface Side {
  sentBytes: number;
  receivedBytes: number;
  chunks: Buffer[];
}

const newSide = (): Side => ({ sentBytes: 0, receivedBytes: 0, chunks: [] });

function send(socket: Bun.Socket<Side>): void {
  const side = socket.data;
  while (side.sentBytes < sent.length) {
    const taken = socket.write(sent, side.sentBytes, sent.length - side.sentBytes);
    if (taken <= 0) return;
    side.sentBytes += taken;
  }
}

function receive(socket: Bun.Socket<Side>, chunk: Buffer): boolean {
  const side = socket.data;
  side.chunks.push(chunk);
  side.receivedBytes += chunk.length;
  return side.receivedBytes === sent.length;
}

describe("a received buffer stays as it was while more is received", () => {
  for (const kind of ["plain", "TLS"]) {
    test(kind, async () => {
      const { certificate, privateKey } = keyPair("buffers.test");
      const server = newSide();
      const client = newSide();
      const done = Promise.withResolvers<void>();
      using listener = Bun.listen<Side>({
        hostname: "127.0.0.1",
        port: 0,
        ...(kind === "TLS" && { tls: { cert: certificate, key: privateKey } }),
        socket: {
          open(socket) {
            socket.data = server;
          },
          data(socket, chunk) {
            if (receive(socket, chunk)) send(socket);
          },
          drain(socket) {
            if (server.receivedBytes === sent.length) send(socket);
          },
        },
      });
      const socket = await Bun.connect<Side>({
        hostname: "127.0.0.1",
        port: listener.port,
        data: client,
        ...(kind === "TLS" && { tls: { rejectUnauthorized: false } }),
        socket: {
          open: send,
          drain: send,
          data(socket, chunk) {
            if (receive(socket, chunk)) done.resolve();
          },
        },
      });
      await within(done.promise, "everything to come back");
      socket.end();
      expect(Buffer.concat(server.chunks).equals(sent)).toBe(true);
      expect(Buffer.concat(client.chunks).equals(sent)).toBe(true);
      expect(server.chunks.length).toBeGreaterThan(1);
    });
  }
});
