import { describe, expect, test } from "bun:test";
import { maxUnsentPieceBytes } from "../../../src/config/limits.ts";
import { MeasuredReads, type PausableSocket } from "../../../src/net/measured-reads.ts";
import { waitFor } from "../../support/wait-for.ts";

const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => index % 251));

/** A peer that sends the body and ends, and what of it arrives. */
async function setUp(onPiece: (reads: MeasuredReads) => void) {
  const received: Buffer[] = [];
  const pieces: number[] = [];
  let ended = false;
  let reads: MeasuredReads | null = null;
  const server = Bun.listen<{ sent: number }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { sent: 0 };
        send(socket);
      },
      data() {},
      drain: send,
    },
  });
  const owner = {
    onData(bytes: Buffer): void {
      received.push(bytes);
      pieces.push(bytes.length);
      onPiece(reads!);
    },
    fail(error: Error): void {
      throw error;
    },
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port,
    socket: {
      open(socket) {
        reads = new MeasuredReads(socket as unknown as PausableSocket, owner);
      },
      data(_socket, bytes) {
        received.push(bytes);
        if (reads!.counts(bytes.length)) reads!.takePieces();
      },
      end: () => void (ended = true),
      close: () => void (ended = true),
    },
  });
  return {
    reads: reads as unknown as MeasuredReads,
    received: () => Buffer.concat(received),
    pieces,
    ended: () => ended,
    [Symbol.dispose]() {
      socket.terminate();
      server.stop(true);
    },
  };
}

function send(socket: Bun.Socket<{ sent: number }>): void {
  socket.data.sent += Math.max(0, socket.write(body, socket.data.sent));
  if (socket.data.sent === body.length) socket.end();
}

describe("MeasuredReads", () => {
  test("counts what Bun reads of a body, whatever the size of the reads", () => {
    const socket = { pause() {}, resume() {} };
    const reads = new MeasuredReads(socket, { onData() {}, fail() {} });
    const counted = (bytes: number): boolean => reads.counts(bytes * 1024);
    expect([20, 11, 1, 31, 500, 31].map(counted)).toEqual([false, false, true, false, true, false]);
    reads.end();
    expect(counted(31)).toBe(false);
  });

  test("takes a large body in pieces, in order, and shows its end", async () => {
    using peer = await setUp(() => {});
    await waitFor(() => peer.ended(), "the end of the peer");
    expect(peer.received().equals(body)).toBe(true);
    expect(peer.pieces.length).toBeGreaterThan(0);
    expect(Math.max(...peer.pieces)).toBe(maxUnsentPieceBytes);
  });

  test("reads one piece each time when every piece is held back", async () => {
    using peer = await setUp((reads) => reads.pause());
    await waitFor(() => peer.pieces.length === 1, "the first piece");
    const length = peer.received().length;
    peer.reads.resume();
    await waitFor(() => peer.pieces.length === 2, "the second piece");
    expect(peer.received().length).toBe(length + peer.pieces[1]!);
    expect(peer.received().equals(body.subarray(0, length + peer.pieces[1]!))).toBe(true);
    expect(peer.ended()).toBe(false);
  });

  test("reads nothing more once the socket is somebody else's", async () => {
    using peer = await setUp((reads) => reads.stop());
    await waitFor(() => peer.pieces.length === 1, "the first piece");
    peer.reads.readOn();
    expect(peer.pieces.length).toBe(1);
  });
});
