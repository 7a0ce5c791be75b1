import { describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import {
  Connection,
  type ServedCall,
} from "../../../../../src/data-plane/upstream/http1/connection.ts";
import type { SocketOwner } from "../../../../../src/net/connector.ts";
import { chunkUnits } from "../../../../../src/net/work-budget.ts";
import { waitFor } from "../../../../support/wait-for.ts";

const count = 50_000;
const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const chunks = "1\r\na\r\n".repeat(count);

class FakeSocket {
  readonly fd = -1;
  paused = false;
  closed = false;
  write(_data: Uint8Array, _offset = 0, length = 0): number {
    return length;
  }
  setKeepAlive(): void {}
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  end(): void {
    this.closed = true;
  }
  terminate(): void {
    this.closed = true;
  }
}

/** Counts what it is handed; gives the connection back at the end, as a call does. */
class User implements ServedCall {
  connection: Connection | null = null;
  bytes = 0;
  readPauses = 0;
  readonly events: string[] = [];

  onReady(connection: Connection): void {
    this.connection = connection;
    connection.expectResponse("GET");
  }
  onInformational(): void {}
  onSwitch(): void {}
  onHead(): void {}
  onBody(chunk: Uint8Array): boolean {
    this.bytes += chunk.length;
    return this.connection!.mayReadOn(chunkUnits);
  }
  onReadPause(): void {
    this.readPauses++;
  }
  onReadEnd(): void {}
  onEnd(): void {
    this.events.push("end");
    this.connection!.release(1_000);
  }
  onDrained(): void {}
  onConnectFailed(): void {}
  onConnectTimeout(): void {}
  onMalformed(reason: string): void {
    this.events.push(reason);
  }
  onLost(error: Error | null): void {
    this.events.push(`lost: ${error?.message ?? "ended"}`);
  }
}

function opened() {
  const user = new User();
  const kept: Connection[] = [];
  const connection = new Connection({ keep: (one) => void kept.push(one) }, user);
  const socket = new FakeSocket();
  connection.onOpen(socket as unknown as Socket<SocketOwner>);
  return { user, kept, connection, socket };
}

describe("a connection to a target that answers in more chunks than a turn may take", () => {
  test("hands on some, reads nothing more meanwhile, and hands on the others in later turns", async () => {
    const { user, kept, connection, socket } = opened();
    connection.onData(Buffer.from(`${head}${chunks}0\r\n\r\n`));
    expect(user.bytes).toBeGreaterThan(0);
    expect(user.bytes).toBeLessThan(count);
    expect(socket.paused).toBe(true);
    await waitFor(() => user.events.length > 0, "the end of the response");
    expect([user.bytes, user.events]).toEqual([count, ["end"]]);
    expect(user.readPauses).toBeGreaterThan(0);
    expect([kept.length, socket.paused]).toEqual([1, false]);
  });

  test("keeps what was read before the pause counted", async () => {
    const { user, connection } = opened();
    connection.onData(Buffer.from(`${head}${chunks}`));
    connection.onData(Buffer.from("1\r\nb\r\n0\r\n\r\n"));
    await waitFor(() => user.events.length > 0, "the end of the response");
    expect([user.bytes, user.events]).toEqual([count + 1, ["end"]]);
  });

  test.each(["end", "close"])(
    "completes a response behind which comes an %s, and is not kept",
    async (how) => {
      const { user, kept, connection, socket } = opened();
      connection.onData(Buffer.from(`${head}${chunks}0\r\n\r\n`));
      if (how === "end") connection.onPeerEnd();
      else connection.onClose(new Error("reset"));
      await waitFor(() => user.events.length > 0, "the end of the response");
      expect([user.bytes, user.events]).toEqual([count, ["end"]]);
      expect([kept.length, socket.closed]).toEqual([0, true]);
    },
  );

  test.each([
    ["end", "lost: ended"],
    ["close", "lost: reset"],
  ])("tells of an %s before the last chunk when all before it was handed on", async (how, told) => {
    const { user, connection } = opened();
    connection.onData(Buffer.from(`${head}${chunks}`));
    if (how === "end") connection.onPeerEnd();
    else connection.onClose(new Error("reset"));
    expect(user.events).toEqual([]);
    await waitFor(() => user.events.length > 0, "the news");
    expect([user.bytes, user.events]).toEqual([count, [told]]);
  });

  test("waits for a user that wants no more, and goes on when it does", async () => {
    const { user, connection } = opened();
    connection.onData(Buffer.from(`${head}${chunks}0\r\n\r\n`));
    connection.pauseReading();
    const { bytes } = user;
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(user.bytes).toBe(bytes);
    connection.resumeReading();
    await waitFor(() => user.events.length > 0, "the end of the response");
    expect(user.bytes).toBe(count);
  });
});
