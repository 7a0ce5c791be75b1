import { afterEach, describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { ReceivedMemory, type ReceivedShare } from "../../../src/net/received-memory.ts";
import { waitFor } from "../../support/wait-for.ts";

const KB = 1024;

interface Setting {
  memory: ReceivedMemory;
  /** Names of those that were ended, in order. */
  ended: string[];
  share(name: string, descriptor?: number): ReceivedShare;
  settle(): void;
}

function setting(limitBytes: number): Setting {
  const calls: (() => void)[] = [];
  const call = (callback: () => void): void => void calls.push(callback);
  const memory = new ReceivedMemory({ soon: call, later: call });
  memory.budget.limitTo(limitBytes);
  const ended: string[] = [];
  return {
    memory,
    ended,
    share: (name, descriptor = -1) =>
      memory.share({ descriptor, giveUp: () => void ended.push(name) }),
    settle() {
      for (let call = calls.shift(); call !== undefined; call = calls.shift()) call();
    },
  };
}

describe("memory of what was received", () => {
  test("never exceeds its limit: whoever keeps most is ended first", () => {
    const { memory, ended, share, settle } = setting(1000 * KB);
    let told = 0;
    memory.onEnded = () => told++;
    const sizes = { a: 300, b: 400, c: 250 };
    for (const [name, size] of Object.entries(sizes)) share(name).set(size * KB);
    settle();
    expect(ended).toEqual([]);
    share("d").set(350 * KB);
    settle();
    expect(ended).toEqual(["b"]);
    expect(told).toBe(1);
    expect(memory.budget.usedBytes).toBe(900 * KB);
  });

  test("ends nobody who keeps little", () => {
    const { memory, ended, share, settle } = setting(100 * KB);
    for (let i = 0; i < 20; i++) share(String(i)).set(10 * KB);
    settle();
    expect(ended).toEqual([]);
    const large = share("large");
    large.set(20 * KB);
    settle();
    expect(ended).toEqual(["large"]);
    expect(memory.budget.usedBytes).toBe(200 * KB);
  });

  test("counts what its owners keep, and nothing of those that have left", () => {
    const { memory, share } = setting(1000 * KB);
    const a = share("a");
    a.set(100 * KB);
    a.set(40 * KB);
    const b = share("b");
    b.set(50 * KB);
    expect(memory.budget.usedBytes).toBe(90 * KB);
    b.leave();
    expect(memory.budget.usedBytes).toBe(40 * KB);
  });
});

describe("a socket whose received bytes wait", () => {
  let closing: { stop(force: boolean): void } | null = null;
  afterEach(() => closing?.stop(true));

  test("receives less while there is much, and as before afterwards", async () => {
    const { share, settle } = setting(1000 * KB);
    const sockets: Socket<undefined>[] = [];
    const received: number[] = [];
    const listener = Bun.listen<undefined>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open(socket) {
          socket.pause();
          sockets.push(socket);
        },
        data(_, bytes) {
          received.push(bytes.length);
        },
      },
    });
    closing = listener;
    // Largest read of a client that sends megabytes before the first byte of it is read.
    const largestRead = async (prepare: (share: ReceivedShare) => void): Promise<number> => {
      const total = 4 << 20;
      let unsent = Buffer.alloc(total);
      const send = (socket: Socket<undefined>): void => {
        unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
      };
      using client = await connectTo(listener.port, send);
      await waitFor(() => sockets.length > 0, "the connection");
      const socket = sockets.pop()!;
      const ofIt = share("it", (socket as unknown as { fd: number }).fd);
      prepare(ofIt);
      send(client);
      await waitFor(() => unsent.length < total, "the first bytes to be sent");
      socket.resume();
      await waitFor(() => received.reduce((sum, bytes) => sum + bytes, 0) === total, "all of it");
      ofIt.leave();
      return Math.max(...received.splice(0));
    };
    const usual = await largestRead(() => {});
    const narrow = await largestRead((share) => share.set(500 * KB));
    const wide = await largestRead((share) => {
      share.set(500 * KB);
      share.set(0);
      settle();
    });
    expect(narrow).toBeLessThanOrEqual(32 * KB);
    expect(usual).toBeGreaterThan(narrow);
    expect(wide).toBeGreaterThan(narrow);
  });
});

async function connectTo(
  port: number,
  drain: (socket: Socket<undefined>) => void,
): Promise<Socket<undefined>> {
  return await Bun.connect<undefined>({
    hostname: "127.0.0.1",
    port,
    socket: { open() {}, data() {}, drain },
  });
}
