/** What becomes of the requests on a target that a deploy replaces. */
import { describe, expect, test } from "bun:test";
import { proxyPool } from "../support/proxy-pool.ts";
import { type ProxyProcess, severalWorkers } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

const proxies = proxyPool({ env: severalWorkers });

const get = "GET /held HTTP/1.1\r\nHost: a\r\n\r\n";

/** A client whose request has reached the app. */
async function heldRequest(
  proxy: ProxyProcess,
  app: { requests: unknown[] },
): Promise<RawConnection> {
  const client = await connectRaw(proxy.httpPort);
  const before = app.requests.length;
  client.send(get);
  await waitFor(() => app.requests.length > before, "the request at the app");
  return client;
}

describe("a request on the old target", () => {
  test("finishes there, and the deploy returns after it", async () => {
    const release = Promise.withResolvers<void>();
    using old = startScriptedApp(async ({ startLine }) => {
      if (startLine.includes("/held")) await release.promise;
      return ok.replace("ok", "v1");
    });
    using fresh = startScriptedApp(() => ok.replace("ok", "v2"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", old.address);
    using client = await heldRequest(proxy, old);

    let returned = false;
    const deploy = proxy.deploy("web", fresh.address).then(() => (returned = true));
    await waitFor(async () => (await (await fetch(proxy.url)).text()) === "v2", "the switch");
    expect(returned).toBe(false);
    release.resolve();
    expect((await readResponse(client)).body.toString()).toBe("v1");
    await deploy;
    // The client's connection goes on, to the new target.
    client.send(get);
    expect((await readResponse(client)).body.toString()).toBe("v2");
    await waitFor(() => old.openConnections === 0, "the connections to the old target to end");
  });

  test.each(["0s", "100ms"])("gets a 504 page after --drain-timeout=%s", async (timeout) => {
    using old = startScriptedApp(() => null);
    using fresh = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", old.address);
    using client = await heldRequest(proxy, old);
    await proxy.deploy("web", fresh.address, `--drain-timeout=${timeout}`);
    const response = await readResponse(client);
    expect(response.status).toBe(504);
    expect(response.body.toString()).toContain("Gateway Timeout");
    await proxy.waitForLog("Request cancelled due to draining");
    await waitFor(() => old.openConnections === 0, "the connections to the old target to end");
  });

  test("is cut after the timeout when its answer has begun", async () => {
    using old = startScriptedApp((_request, connection) => {
      connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
      return null;
    });
    using fresh = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", old.address);
    using client = await connectRaw(proxy.httpPort);
    client.send(get);
    await client.receive("first\r\n");
    await proxy.deploy("web", fresh.address, "--drain-timeout=50ms");
    expect((await client.receiveAll()).toString()).toBe("");
  });

  test("holds up nobody else", async () => {
    using old = startScriptedApp(({ startLine }) =>
      startLine.includes("/held") ? null : ok.replace("ok", "v1"),
    );
    using fresh = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", old.address);
    using client = await heldRequest(proxy, old);
    const deploy = proxy.runHere("deploy", "web", `--target=${fresh.address}`);
    await waitFor(async () => (await (await fetch(proxy.url)).text()) === "ok", "the switch");
    await proxy.deploy("other", fresh.address, "--host=other");
    await proxy.deploy("web", fresh.address);
    expect((await proxy.runHere("list")).code).toBe(0);
    client.reset();
    expect((await deploy).code).toBe(0);
  });
});

describe("a tunnel to the old target", () => {
  test("is closed at once, and the deploy does not wait for it", async () => {
    using old = startScriptedApp((_request, connection) => {
      connection.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n",
      );
      return new Promise(() => {});
    });
    using fresh = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", old.address);
    using client = await connectRaw(proxy.httpPort);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n");
    expect((await readResponse(client)).status).toBe(101);
    // Waiting for the tunnel would take longer than this test may.
    await proxy.deploy("web", fresh.address, "--drain-timeout=10m");
    await client.receiveAll();
    await old.connections.at(-1)!.receiveAll();
  });
});

describe("pause and stop", () => {
  test.each(["pause", "stop"])("%s waits for the request under way", async (command) => {
    const release = Promise.withResolvers<void>();
    using app = startScriptedApp(async () => {
      await release.promise;
      return ok;
    });
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    using client = await heldRequest(proxy, app);
    let returned = false;
    const done = proxy.runHere(command, "web").then((result) => {
      returned = true;
      return result;
    });
    const state = command === "pause" ? "paused" : "stopped";
    await waitFor(
      async () => (await proxy.runHere("list")).stdout.includes(state),
      "the new state",
    );
    expect(returned).toBe(false);
    release.resolve();
    expect((await readResponse(client)).status).toBe(200);
    expect((await done).code).toBe(0);
  });
});

describe("remove", () => {
  test("returns at once, and the request under way finishes", async () => {
    const release = Promise.withResolvers<void>();
    using app = startScriptedApp(async () => {
      await release.promise;
      return ok;
    });
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    using client = await heldRequest(proxy, app);
    expect((await proxy.runHere("remove", "web")).code).toBe(0);
    expect((await fetch(proxy.url)).status).toBe(404);
    release.resolve();
    expect((await readResponse(client)).body.toString()).toBe("ok");
    await waitFor(() => app.openConnections === 0, "the connections to the app to end");
  });
});
