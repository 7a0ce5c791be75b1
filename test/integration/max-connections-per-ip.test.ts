import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ProxyProcess } from "../support/proxy-process.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { flagsOfSite } from "../suites/site.ts";
import { waitFor, within } from "../support/wait-for.ts";

const request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

interface Client {
  /** Whether a request on the connection is answered; else it was closed. */
  answered: Promise<boolean>;
  leave(): void;
}

function client(
  proxy: ProxyProcess,
  { secure = false, from = "127.0.0.1", before = "" } = {},
): Client {
  const port = secure ? proxy.httpsPort : proxy.httpPort;
  const host = from.includes(":") ? "::1" : "127.0.0.1";
  const socket: Socket = connect({ port, host, localAddress: from });
  if (before !== "") socket.write(before);
  const stream = secure
    ? connectTls({ socket, rejectUnauthorized: false, servername: "localhost" })
    : socket;
  const answered = Promise.withResolvers<boolean>();
  socket.on("error", () => answered.resolve(false));
  stream.on("error", () => answered.resolve(false));
  stream.on("close", () => answered.resolve(false));
  stream.on("data", () => answered.resolve(true));
  stream.write(request);
  return {
    answered: within(answered.promise, "an answer or the end"),
    leave: () => socket.destroy(),
  };
}

const outcome = (clients: Client[]) => Promise.all(clients.map(({ answered }) => answered));

test.each([1, 3])(
  "so many connections of one client are open at once, over %d workers",
  async (workers) => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({
      args: ["--max-connections-per-ip=4"],
      env: { KAMAL_PROXY_WORKERS: String(workers) },
    });
    await proxy.deploy("web", app.address, ...flagsOfSite(proxy));
    const first = [false, true, false, true].map((secure) => client(proxy, { secure }));
    expect(await outcome(first)).toEqual([true, true, true, true]);
    const more = [false, true].map((secure) => client(proxy, { secure }));
    expect(await outcome(more)).toEqual([false, false]);
    const line = await proxy.waitForLog("Too many connections of one client: turned away");
    expect(line).toMatchObject({ level: "WARN", client_addr: "127.0.0.1", limit: 4 });
    await waitFor(async () => {
      const text = await (await fetch(`http://127.0.0.1:${proxy.metricsPort}/`)).text();
      return /^kamal_proxy_policy_answers_total\{policy="max-connections-per-ip",service=""\} [1-9]/m.test(
        text,
      );
    }, "the count");
    // Others are not concerned.
    const other = client(proxy, { from: "127.0.0.2" });
    expect(await other.answered).toBe(true);
    // Who leaves makes room.
    first[0]!.leave();
    await waitFor(async () => {
      const next = client(proxy);
      if (await next.answered) return true;
      next.leave();
      return false;
    }, "room for one more");
    // Those of a worker that dies are gone.
    for (const pid of proxy.pids.slice(1)) process.kill(pid, "SIGKILL");
    await waitFor(async () => {
      const next = [client(proxy), client(proxy), client(proxy), client(proxy)];
      if ((await outcome(next)).every(Boolean)) return true;
      for (const each of next) each.leave();
      return false;
    }, "room for four when all are gone");
  },
  120_000,
);

test("behind a load balancer the address of the PROXY header counts, of IPv6 the /64", async () => {
  using app = startScriptedApp();
  await using proxy = await ProxyProcess.start({
    args: ["--max-connections-per-ip=2", "--trusted-proxies=127.0.0.1", "--proxy-protocol"],
    env: { KAMAL_PROXY_WORKERS: "2" },
  });
  await proxy.deploy("web", app.address, ...flagsOfSite(proxy));
  const from = (address: string, secure: boolean): Client => {
    const family = address.includes(":") ? `TCP6 ${address} ::1` : `TCP4 ${address} 127.0.0.1`;
    return client(proxy, { secure, before: `PROXY ${family} 1000 80\r\n` });
  };
  const first = [from("2001:db8:1:2::1", false), from("2001:db8:1:2:3::1", true)];
  expect(await outcome(first)).toEqual([true, true]);
  const more = [from("2001:db8:1:2:4::1", false), from("2001:db8:1:2:5::1", true)];
  expect(await outcome(more)).toEqual([false, false]);
  const others = [
    from("2001:db8:1:3::1", true),
    from("203.0.113.1", true),
    from("203.0.113.2", false),
  ];
  expect(await outcome(others)).toEqual([true, true, true]);
  // The load balancer itself has as many as it likes.
  const balancer = Array.from({ length: 5 }, (_, i) =>
    client(proxy, { secure: i % 2 === 0, before: "PROXY UNKNOWN\r\n" }),
  );
  expect(await outcome(balancer)).toEqual([true, true, true, true, true]);
  for (const each of [...first, ...more, ...others, ...balancer]) each.leave();
}, 60_000);

test("a tunnel counts for as long as it is open", async () => {
  const switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
  using app = startScriptedApp((asked) => (asked.startLine.includes("/socket") ? switched : ok));
  await using proxy = await ProxyProcess.start({
    args: ["--max-connections-per-ip=1"],
    env: { KAMAL_PROXY_WORKERS: "1" },
  });
  await proxy.deploy("web", app.address, "--host=localhost");
  const tunnel = connect({ port: proxy.httpPort, host: "127.0.0.1" });
  const opened = new Promise((resolve) => tunnel.once("data", resolve));
  tunnel.write(
    "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
  );
  await within(opened, "the tunnel");
  expect(await client(proxy).answered).toBe(false);
  tunnel.destroy();
  app.connections.at(-1)!.close();
  await waitFor(async () => await client(proxy).answered, "room behind the tunnel");
}, 60_000);

test("a connection over HTTP/3 counts while it asks, and is refused beyond the limit", async () => {
  using app = startScriptedApp();
  await using proxy = await ProxyProcess.start({
    args: ["--max-connections-per-ip=1", "--http3"],
    env: { KAMAL_PROXY_WORKERS: "2" },
  });
  await proxy.deploy("web", app.address, ...flagsOfSite(proxy));
  const status = async (): Promise<number> => {
    const response = await fetch(`https://localhost:${proxy.httpsPort}/`, {
      protocol: "http3",
      tls: { rejectUnauthorized: false },
      keepalive: false,
      signal: AbortSignal.timeout(5_000),
    });
    return response.status;
  };
  await waitFor(async () => (await status()) === 200, "an answer over HTTP/3", 30_000);
  // The one that has asked is forgotten soon, and then somebody else has the only place of each address.
  const takePlace = async (from: string): Promise<Client> =>
    await waitFor(async () => {
      const next = client(proxy, { from });
      return (await next.answered) ? next : null;
    }, `the place of ${from}`);
  const taken = [await takePlace("127.0.0.1"), await takePlace("::1")];
  expect(await status()).toBe(429);
  for (const each of taken) each.leave();
  await waitFor(async () => (await status()) === 200, "the place over HTTP/3", 30_000);
}, 90_000);
