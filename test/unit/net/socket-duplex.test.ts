import { describe, expect, test } from "bun:test";
import { type DuplexSocket, SocketDuplex } from "../../../src/net/socket-duplex.ts";
import { SocketWriter } from "../../../src/net/socket-writer.ts";
import { Join } from "../../../src/protocols/http/join.ts";

class FakeSocket implements DuplexSocket {
  readonly events: string[] = [];
  room = Number.POSITIVE_INFINITY;
  received = "";

  write(data: Uint8Array, offset = 0, length = data.length): number {
    const taken = Math.min(this.room, length);
    this.received += Buffer.from(data.slice(offset, offset + taken)).toString("latin1");
    this.room -= taken;
    return taken;
  }
  pause(): void {
    this.events.push("pause");
  }
  resume(): void {
    this.events.push("resume");
  }
  shutdown(): void {
    this.events.push("shutdown");
  }
  end(): void {
    this.events.push("end");
  }
}

function side(first = ""): { socket: FakeSocket; duplex: SocketDuplex } {
  const socket = new FakeSocket();
  const duplex = new SocketDuplex(socket, new SocketWriter(socket), Buffer.from(first), {
    breakOff: () => void socket.events.push("broken"),
    closed: () => void socket.events.push("closed"),
  });
  return { socket, duplex };
}

/** Two sockets joined, as a client and its target are. */
function joined(first = "") {
  const [client, target] = [side(first), side()];
  let ended = 0;
  const join = new Join(client.duplex, target.duplex, () => void ended++);
  return { client, target, join, ended: () => ended };
}

describe("two joined sockets", () => {
  test("pass on what came before they were joined, then what comes", () => {
    const { client, target, join } = joined("early ");
    client.duplex.onData(Buffer.from("too early "));
    join.start();
    client.duplex.onData(Buffer.from("late"));
    target.duplex.onData(Buffer.from("answer"));
    expect([target.socket.received, client.socket.received]).toEqual([
      "early too early late",
      "answer",
    ]);
  });

  test("end each direction on its own, and close when both have ended", () => {
    const { client, target, join, ended } = joined();
    join.start();
    client.duplex.onPeerEnd();
    expect(target.socket.events).toEqual(["resume", "shutdown"]);
    target.duplex.onData(Buffer.from("last"));
    expect([client.socket.received, ended()]).toEqual(["last", 0]);
    target.duplex.onPeerEnd();
    expect(client.socket.events).toEqual(["resume", "closed", "end"]);
    expect(target.socket.events).toEqual(["resume", "shutdown", "closed", "end"]);
    expect(ended()).toBe(1);
  });

  test("pass an end on that came before they were joined", () => {
    const { client, target, join } = joined("early");
    client.duplex.onPeerEnd();
    join.start();
    expect(target.socket.received).toBe("early");
    expect(target.socket.events).toContain("shutdown");
  });

  test("hold one back while the other takes nothing, and end behind the last byte", () => {
    const { client, target, join } = joined();
    join.start();
    target.socket.room = 3;
    client.duplex.onData(Buffer.from("123456"));
    expect(client.socket.events).toEqual(["resume", "pause"]);
    client.duplex.onPeerEnd();
    expect(target.socket.events).toEqual(["resume"]);
    target.socket.room = 100;
    target.duplex.onDrain();
    expect([target.socket.received, target.socket.events]).toEqual([
      "123456",
      ["resume", "shutdown"],
    ]);
  });

  test.each(["client", "target"] as const)(
    "both break when the %s does, and say so once",
    (who) => {
      const { client, target, join, ended } = joined();
      join.start();
      const { broken, other } =
        who === "client" ? { broken: client, other: target } : { broken: target, other: client };
      broken.duplex.onClose(new Error("reset"));
      expect(other.socket.events).toEqual(["resume", "closed", "broken"]);
      expect(ended()).toBe(1);
      other.duplex.onClose(null);
      expect(ended()).toBe(1);
    },
  );

  test("both break when one that has ended its side can't be written to", () => {
    const { client, target, join, ended } = joined();
    join.start();
    target.duplex.onPeerEnd();
    target.duplex.onClose(new Error("reset"));
    expect(client.socket.events.at(-1)).toBe("broken");
    expect(ended()).toBe(1);
  });
});
