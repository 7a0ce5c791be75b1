import { describe, expect, test } from "bun:test";
import { ChannelSocket, socketPair } from "../../../src/net/channel-socket.ts";
import { openLibc } from "../../../src/net/libc.ts";
import { waitFor } from "../../support/wait-for.ts";

const libc = openLibc();

class Side {
  readonly frames: string[] = [];
  sizes: number[] = [];
  closed = false;
  readonly socket: ChannelSocket;

  constructor(socket: ChannelSocket) {
    this.socket = socket;
    socket.owner = {
      onFrame: (kind, bytes) => {
        this.sizes.push(bytes.length);
        this.frames.push(`${kind} ${bytes.subarray(0, 20)}`);
      },
      onClose: () => void (this.closed = true),
    };
  }
}

describe.skipIf(libc === null)("ChannelSocket", () => {
  async function pair(): Promise<[Side, Side]> {
    const [one, other] = socketPair(libc!)!;
    return [new Side(await ChannelSocket.adopt(one)), new Side(await ChannelSocket.adopt(other))];
  }

  test("carries messages both ways, large ones as well, and tells of the end", async () => {
    const [here, there] = await pair();
    const large = Buffer.alloc(20 << 20, "x");
    here.socket.send(0, Buffer.from("small"));
    here.socket.send(1, large);
    here.socket.send(0, Buffer.from("last"));
    there.socket.send(7, Buffer.from("back"));
    expect(here.socket.waitingBytes).toBeGreaterThan(0);
    await here.socket.drained;
    await waitFor(() => there.frames.length === 3 && here.frames.length === 1, "all messages");
    expect(there.sizes).toEqual([5, large.length, 4]);
    expect(here.frames).toEqual(["7 back"]);
    here.socket.close();
    await waitFor(() => there.closed, "the end");
    expect(here.closed).toBe(false);
  });

  test("delivers what was sent before the other side ended", async () => {
    const [one, other] = socketPair(libc!)!;
    const here = await ChannelSocket.adopt(one);
    here.send(0, Buffer.from("last words"));
    here.close();
    const there = new Side(await ChannelSocket.adopt(other));
    await waitFor(() => there.closed, "the end");
    expect(there.frames).toEqual(["0 last words"]);
  });
});
