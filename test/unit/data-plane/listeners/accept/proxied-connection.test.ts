import { describe, expect, test } from "bun:test";
import type { ClientConnection } from "../../../../../src/data-plane/listeners/accept/client-connection.ts";
import { ConnectionSet } from "../../../../../src/data-plane/listeners/accept/connection-set.ts";
import { ProxiedConnection } from "../../../../../src/data-plane/listeners/accept/proxied-connection.ts";
import type { ProxySource } from "../../../../../src/protocols/proxy-protocol/proxy-header.ts";
import { ProxyHeaderFaults } from "../../../../../src/data-plane/listeners/accept/proxy-header-faults.ts";
import type { ProxyHeaderFault } from "../../../../../src/seam/data-plane.ts";
import { outsideLists } from "../../../../support/list-member.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";

const header = "PROXY TCP4 203.0.113.7 10.0.0.1 4711 80\r\n";
const sweepMs = 500;

function setUp() {
  const clock = new ManualClock();
  const connections = new ConnectionSet(clock, sweepMs);
  const accepted: ProxySource[] = [];
  const received: string[] = [];
  const faults: ProxyHeaderFault[] = [];
  let closes = 0;
  const client = {
    ...outsideLists(),
    onData: (chunk: Buffer) => received.push(chunk.toString()),
    sweep: () => {},
    finish: () => connections.delete(client),
    destroy: () => connections.delete(client),
  } as unknown as ClientConnection;
  const connection = new ProxiedConnection({
    peer: { address: "10.1.1.1", port: 5 },
    connections,
    headerTimeoutMs: 1_000,
    faults: new ProxyHeaderFaults(async (told) => faults.push(...told)),
    accept(source) {
      accepted.push(source);
      connections.add(client);
      return client;
    },
    close: () => closes++,
  });
  return { clock, connections, faults, accepted, received, connection, closes: () => closes };
}

describe("ProxiedConnection", () => {
  test("hands over with the bytes behind the header, however they are cut", () => {
    const bytes = Buffer.from(`${header}GET / HTTP/1.1`);
    for (let cut = 1; cut < bytes.length; cut++) {
      const { connection, connections, accepted, received, closes } = setUp();
      const first = Buffer.from(bytes.subarray(0, cut));
      connection.onData(first);
      // The buffer of a read is used again.
      first.fill(0);
      if (accepted.length === 0) connection.onData(bytes.subarray(cut));
      expect(accepted).toEqual([{ address: "203.0.113.7", port: 4711 }]);
      expect(received.join("")).toBe(
        cut < header.length ? "GET / HTTP/1.1" : "GET / HTTP/1.1".slice(0, cut - header.length),
      );
      expect([connections.size, closes()]).toEqual([1, 0]);
    }
  });

  test("the peer counts where the header names nobody", () => {
    const { connection, accepted, received } = setUp();
    connection.onData(Buffer.from("PROXY UNKNOWN\r\n"));
    expect(accepted).toEqual([{ address: "10.1.1.1", port: 5, isUnnamed: true }]);
    expect(received).toEqual([]);
  });

  test("nonsense, the end and a stop close it once", () => {
    const endings: ((connection: ProxiedConnection) => void)[] = [
      (connection) => connection.onData(Buffer.from("GET / HTTP/1.1\r\n")),
      (connection) => connection.onEnd(),
      (connection) => connection.finish(),
      (connection) => connection.destroy(),
    ];
    for (const end of endings) {
      const { connection, connections, accepted, closes } = setUp();
      end(connection);
      connection.onData(Buffer.from(header));
      connection.onClose();
      connection.destroy();
      expect([connections.size, accepted.length, closes()]).toEqual([0, 0, 1]);
    }
  });

  test("what is wrong is told, but of a balancer that only looks whether the port is open nothing", () => {
    const endings: [string | null, (connection: ProxiedConnection) => void][] = [
      ["no PROXY header", (connection) => connection.onData(Buffer.from("GET / HTTP/1.1\r\n"))],
      ["malformed PROXY line", (connection) => connection.onData(Buffer.from("PROXY TCP4\r\n"))],
      [
        "connection ended within the PROXY header",
        (connection) => {
          connection.onData(Buffer.from("PROXY"));
          connection.onEnd();
        },
      ],
      [null, (connection) => connection.onEnd()],
      [null, (connection) => connection.onClose()],
      [null, (connection) => connection.finish()],
    ];
    for (const [error, end] of endings) {
      const { connection, faults } = setUp();
      end(connection);
      connection.onClose();
      expect(faults.map(({ reason }) => reason)).toEqual(error === null ? [] : [error]);
    }
    const { clock, connection, faults } = setUp();
    connection.onData(Buffer.from("PROXY"));
    clock.advance(2_000);
    expect(faults).toEqual([
      { peer: "10.1.1.1", reason: "no PROXY header in time", connections: 1 },
    ]);
  });

  test("an unfinished header is closed when its time is over, and a finished one is not", () => {
    const slow = setUp();
    slow.connection.onData(Buffer.from("PROXY"));
    slow.clock.advance(1_000);
    expect(slow.closes()).toBe(0);
    slow.clock.advance(sweepMs);
    expect([slow.closes(), slow.connections.size]).toEqual([1, 0]);
    const quick = setUp();
    quick.connection.onData(Buffer.from(header));
    quick.clock.advance(5_000);
    expect([quick.closes(), quick.connections.size]).toEqual([0, 1]);
  });
});
