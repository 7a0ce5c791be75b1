/** The port in front of the TLS listener: bytes behind a PROXY header, passed on as they are. */
import { expect, test } from "bun:test";
import { clientLimits } from "../../src/config/defaults.ts";
import { CidrFault, CidrList } from "../../src/lib/cidr.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { DescriptorGuard } from "../../src/data-plane/listeners/accept/descriptor-guard.ts";
import { ProxyFront } from "../../src/data-plane/listeners/accept/proxy-front.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { type RawScript, startRawServer } from "../support/raw-server.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { waitFor, within } from "../support/wait-for.ts";

const header = "PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n";

function start(trusted: string, script: RawScript) {
  const inner = startRawServer(script);
  const proxyPeers = CidrList.parse([trusted]);
  if (proxyPeers instanceof CidrFault) throw new Error(proxyPeers.message);
  const front = new ProxyFront({
    bind: "127.0.0.1",
    port: 0,
    limits: clientLimits,
    clock: systemClock,
    logger: new RecordingLogger(),
    descriptors: new DescriptorGuard(systemClock, new RecordingLogger()),
    proxyPeers,
    innerPort: inner.port,
  });
  return {
    inner,
    front,
    clientOf: (index: number) => front.clientOf(inner.connections[index]!.socket.remotePort),
    [Symbol.dispose]() {
      front.destroy();
      inner[Symbol.dispose]();
    },
  };
}

test("tells who is behind an inner connection, as long as it lives", async () => {
  using site = start("127.0.0.1", async (connection) => {
    connection.send(await connection.receiveBytes(4));
  });
  using client = await connectRaw(site.front.port);
  client.send(`${header}ping`);
  expect((await client.receiveBytes(4)).toString()).toBe("ping");
  const { remotePort } = site.inner.connections[0]!.socket;
  expect(site.front.clientOf(remotePort)).toEqual({ address: "203.0.113.7", port: 4711 });
  client.reset();
  await site.inner.connections[0]!.closed();
  await waitFor(() => site.front.clientOf(remotePort) === undefined, "it to be forgotten");
});

test("peers that are not trusted are passed on as themselves, a header included", async () => {
  using site = start("203.0.113.1", async (connection) => {
    connection.send(await connection.receive("\r\n"));
  });
  using client = await connectRaw(site.front.port);
  client.send(header);
  expect(await client.receive("\r\n")).toBe(header);
  expect(site.clientOf(0)).toEqual({ address: "127.0.0.1", port: client.localPort });
});

test("much goes both ways, byte for byte, and each end ends on its own", async () => {
  const size = 6_000_000;
  const bytes = Buffer.alloc(size, "0123456789abcdef-");
  using site = start("127.0.0.1", async (connection) => {
    connection.send(bytes);
    const received = await connection.receiveBytes(size);
    connection.send(received.equals(bytes) ? "same" : "other");
    connection.end();
  });
  using client = await connectRaw(site.front.port);
  client.send(header);
  // Neither side reads at first: both directions have to wait.
  client.pause();
  client.send(bytes);
  await waitFor(() => site.inner.connections.length === 1, "the inner connection");
  client.resume();
  expect((await client.receiveBytes(size)).equals(bytes)).toBe(true);
  expect((await client.receiveAll()).toString()).toBe("same");
  client.end();
  await site.inner.connections[0]!.closed();
});

test("the end of the client reaches the inner side, which may still answer", async () => {
  using site = start("127.0.0.1", async (connection) => {
    const all = await connection.receiveAll();
    connection.send(all);
    connection.end();
  });
  using client = await connectRaw(site.front.port);
  client.send(`${header}last words`);
  client.end();
  expect((await client.receiveAll()).toString()).toBe("last words");
});

test("an inner side that refuses or breaks closes the client's connection", async () => {
  using site = start("127.0.0.1", async (connection) => {
    await connection.receiveBytes(4);
    connection.reset();
  });
  using broken = await connectRaw(site.front.port);
  broken.send(`${header}ping`);
  expect((await broken.receiveAll()).length).toBe(0);
  site.inner[Symbol.dispose]();
  using refused = await connectRaw(site.front.port);
  refused.send(`${header}ping`);
  expect((await refused.receiveAll()).length).toBe(0);
});

test("a stop waits for the inner side to end its connections", async () => {
  const gate = Promise.withResolvers<void>();
  using site = start("127.0.0.1", async (connection) => {
    await connection.receiveBytes(4);
    await gate.promise;
    connection.send("late").end();
  });
  using client = await connectRaw(site.front.port);
  client.send(`${header}ping`);
  await waitFor(() => site.inner.connections.length === 1, "the inner connection");
  let isFinished = false;
  const finished = site.front.finish().then(() => (isFinished = true));
  gate.resolve();
  expect((await client.receiveAll()).toString()).toBe("late");
  expect(isFinished).toBe(false);
  client.end();
  await within(finished, "the stop");
});
