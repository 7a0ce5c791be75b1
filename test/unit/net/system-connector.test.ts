import { describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { systemClock } from "../../../src/lib/clock.ts";
import { DeadlineQueue } from "../../../src/lib/deadline-queue.ts";
import { codeOf } from "../../../src/lib/error-text.ts";
import type { ConnectOwner, SocketOwner } from "../../../src/net/connector.ts";
import type { Resolution, Resolver } from "../../../src/net/resolver/resolver.ts";
import { SystemConnector } from "../../../src/net/system-connector.ts";
import { freePorts } from "../../support/free-ports.ts";
import { startFullListener } from "../../support/full-listener.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { startRawServer } from "../../support/raw-server.ts";
import { waitFor } from "../../support/wait-for.ts";

/** Writes down what it hears, and keeps the socket. */
class RecordingOwner implements ConnectOwner {
  readonly events: string[] = [];
  socket: Socket<SocketOwner> | null = null;

  onOpen(socket: Socket<SocketOwner>): void {
    this.socket = socket;
    this.events.push(`open ${socket.remoteAddress}`);
  }
  onConnectError(error: Error): void {
    this.events.push(`error ${codeOf(error)}`);
  }
  onConnectTimeout(): void {
    this.events.push("timeout");
  }
  onData(bytes: Buffer): void {
    this.events.push(`data ${bytes.toString()}`);
  }
  onDrain(): void {}
  onPeerEnd(): void {
    this.events.push("end");
  }
  onClose(): void {
    this.events.push("close");
  }
}

/** Gives one answer after the other, the last one for ever. */
class ScriptedResolver implements Resolver {
  readonly names: string[] = [];
  readonly #answers: (readonly string[] | "ENOTFOUND")[];

  constructor(...answers: (readonly string[] | "ENOTFOUND")[]) {
    this.#answers = answers;
  }

  resolve(name: string): Promise<Resolution> {
    this.names.push(name);
    const answer = this.#answers.length > 1 ? this.#answers.shift()! : this.#answers[0]!;
    return Promise.resolve(
      answer === "ENOTFOUND"
        ? { kind: "failed", code: answer }
        : { kind: "addresses", addresses: answer },
    );
  }
}

function connectTo(
  host: string,
  port: number,
  resolver = new ScriptedResolver([]),
  clock = systemClock,
) {
  const owner = new RecordingOwner();
  const within = new DeadlineQueue(clock, 10_000);
  const pending = new SystemConnector(resolver, clock).connect({ host, port }, owner, within);
  return { owner, pending, within };
}

async function outcome(owner: RecordingOwner): Promise<string> {
  await waitFor(() => owner.events.length > 0, "an outcome");
  return owner.events[0]!;
}

describe("SystemConnector", () => {
  test.each(["127.0.0.1", "::1"])(
    "connects to %s without a lookup, never before it returns",
    async (host) => {
      using server = Bun.listen({
        hostname: host,
        port: 0,
        socket: { open: (socket) => void socket.write("hi"), data() {} },
      });
      const resolver = new ScriptedResolver("ENOTFOUND");
      const { owner, within } = connectTo(host, server.port, resolver);
      expect(owner.events).toEqual([]);
      await waitFor(() => owner.events.length === 2, "what the server sends");
      expect(owner.events).toEqual([`open ${host}`, "data hi"]);
      expect([within.size, resolver.names]).toEqual([0, []]);
      owner.socket!.terminate();
    },
  );

  test("tries the addresses of a name in turn", async () => {
    using server = startRawServer(() => {});
    const resolver = new ScriptedResolver(["127.0.0.2", "127.0.0.3", "127.0.0.1"]);
    const { owner } = connectTo("app", server.port, resolver);
    expect(await outcome(owner)).toBe("open 127.0.0.1");
    expect(resolver.names).toEqual(["app"]);
    owner.socket!.terminate();
  });

  test("looks a name up anew when none of its addresses answers, and tries what is new", async () => {
    using server = startRawServer(() => {});
    const resolver = new ScriptedResolver(["127.0.0.2"], ["127.0.0.2", "127.0.0.1"]);
    const { owner } = connectTo("app", server.port, resolver);
    expect(await outcome(owner)).toBe("open 127.0.0.1");
    expect(resolver.names).toEqual(["app", "app"]);
    owner.socket!.terminate();
  });

  test("fails by the first reason when nothing new is found", async () => {
    const [port] = freePorts(1);
    const resolver = new ScriptedResolver(["127.0.0.2"], ["127.0.0.2"]);
    const { owner, within } = connectTo("app", port!, resolver);
    expect(await outcome(owner)).toBe("error ECONNREFUSED");
    expect([resolver.names.length, within.size]).toEqual([2, 0]);
  });

  test("fails when the name does not resolve", async () => {
    const { owner } = connectTo("app", 80, new ScriptedResolver("ENOTFOUND"));
    expect(await outcome(owner)).toBe("error ENOTFOUND");
  });

  test("tells an unreachable network from a refused connection", async () => {
    expect(await outcome(connectTo("255.255.255.255", 80).owner)).toBe("error ENETUNREACH");
    const [port] = freePorts(1);
    expect(await outcome(connectTo("127.0.0.1", port!).owner)).toBe("error ECONNREFUSED");
  });

  test("fails on a port that does not exist, after it has returned", async () => {
    const { owner } = connectTo("127.0.0.1", 70_000);
    expect(owner.events).toEqual([]);
    expect(await outcome(owner)).toStartWith("error ");
  });

  test("gives up at the deadline, and at once when asked to", async () => {
    const clock = new ManualClock();
    const never: Resolver = { resolve: () => new Promise(() => {}) };
    const late = connectTo("app", 80, never as ScriptedResolver, clock);
    clock.advance(10_000);
    expect(late.owner.events).toEqual(["timeout"]);
    const unwanted = connectTo("app", 80, never as ScriptedResolver, clock);
    unwanted.pending.cancel();
    clock.advance(10_000);
    expect([unwanted.owner.events, clock.pendingTimers, unwanted.within.size]).toEqual([[], 0, 0]);
  });

  test("opens nothing for whoever has left already", async () => {
    using server = startRawServer(() => {});
    const left = connectTo("127.0.0.1", server.port);
    left.pending.cancel();
    const stayed = connectTo("127.0.0.1", server.port);
    expect(await outcome(stayed.owner)).toBe("open 127.0.0.1");
    expect([left.owner.events, server.connections.length]).toEqual([[], 1]);
    stayed.owner.socket!.terminate();
  });

  test("waits for a listener that takes no connection yet, and can leave at any time", async () => {
    await using full = await startFullListener();
    const left = connectTo("127.0.0.1", full.port);
    const kept = connectTo("127.0.0.1", full.port);
    await new Promise(setImmediate);
    expect([left.owner.events, kept.owner.events]).toEqual([[], []]);
    left.pending.cancel();
    full.acceptAll();
    await waitFor(() => kept.owner.events.length > 0, "the connection", 15_000);
    expect([left.owner.events, kept.owner.events]).toEqual([[], ["open 127.0.0.1"]]);
    kept.owner.socket!.terminate();
  });
});
