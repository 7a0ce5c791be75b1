import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { startApp, type App, type AppHandler } from "../support/app.ts";
import { proxyPool } from "../support/proxy-pool.ts";
import type { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { type RawResponse, readResponse, valuesOf } from "../support/raw-response.ts";
import { startRawServer } from "../support/raw-server.ts";
import { waitFor } from "../support/wait-for.ts";

const proxies = proxyPool();

setDefaultTimeout(30_000);

const named = (name: string, handler?: AppHandler): App =>
  startApp(
    handler ?? ((request) => new Response(`${name} ${request.headers.get("x-kamal-target")}`)),
  );

async function ask(proxy: ProxyProcess, method: string, fields = ""): Promise<RawResponse> {
  using client = await connectRaw(proxy.httpPort);
  client.send(`${method} / HTTP/1.1\r\nHost: web.test\r\n${fields}\r\n`);
  return await readResponse(client, method);
}

/** Names of the apps that answer that many requests, one after the other. */
async function turns(
  proxy: ProxyProcess,
  count: number,
  method = "GET",
  fields = "",
): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const response = await ask(proxy, method, fields);
    names.push(response.status === 200 ? response.body.toString().split(" ")[0]! : "none");
  }
  return names;
}

const affinity = (response: RawResponse): string[] =>
  valuesOf(response, "set-cookie").filter((cookie) => cookie.startsWith("kamal-writer="));

describe("several targets", () => {
  test("they take strict turns, the second one first, each told its own address", async () => {
    await using one = named("one");
    await using two = named("two");
    await using three = named("three");
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", one.address, `--target=${two.address},${three.address}`);
    expect(await turns(proxy, 7)).toEqual(["two", "three", "one", "two", "three", "one", "two"]);
    const response = await ask(proxy, "POST", "Content-Length: 0\r\n");
    expect(response.body.toString()).toBe(`three ${three.address}`);
    expect(valuesOf(response, "x-kamal-target")).toEqual([]);
  });

  test("X-Kamal-Target joins what came when headers are forwarded, else replaces it", async () => {
    await using app = named("app");
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    const came = "X-Kamal-Target: x\r\nX-Kamal-Target: y\r\n";
    expect((await ask(proxy, "GET", came)).body.toString()).toBe(`app x, y, ${app.address}`);
    await proxy.deploy("web", app.address, "--forward-headers=false");
    expect((await ask(proxy, "GET", came)).body.toString()).toBe(`app ${app.address}`);
  });

  test("one that fails its checks is left out and comes back", async () => {
    await using one = named("one");
    await using two = named("two");
    await using proxy = await proxies.borrow();
    const fast = ["--health-check-interval=20ms"];
    await proxy.deploy("web", one.address, `--target=${two.address}`, ...fast);
    two.healthy = false;
    await waitFor(async () => (await turns(proxy, 4)).every((name) => name === "one"), "one alone");
    one.healthy = false;
    await waitFor(async () => (await turns(proxy, 1))[0] === "none", "no healthy target");
    const response = await ask(proxy, "GET");
    expect(response.status).toBe(503);
    expect(response.body.toString()).toContain("<title>503 — Service Temporarily Unavailable");
    one.healthy = true;
    two.healthy = true;
    await waitFor(async () => {
      const names = await turns(proxy, 2);
      return names.includes("one") && names.includes("two");
    }, "both to be back");
  });

  test("a single target stays, whatever its health", async () => {
    await using app = named("app");
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--health-check-interval=10ms");
    app.healthy = false;
    expect(await turns(proxy, 3)).toEqual(["app", "app", "app"]);
  });
});

describe("readers", () => {
  test("GET and HEAD go to readers, all else to writers, each in turns of their own", async () => {
    await using writer = named("writer");
    await using other = named("other");
    await using reader = named("reader");
    await using second = named("second");
    await using proxy = await proxies.borrow();
    await proxy.deploy(
      "web",
      `${writer.address},${other.address}`,
      `--read-target=${reader.address}`,
      `--read-target=${second.address}`,
    );
    expect(await turns(proxy, 3)).toEqual(["second", "reader", "second"]);
    expect(await turns(proxy, 2, "POST", "Content-Length: 0\r\n")).toEqual(["other", "writer"]);
    for (const method of ["PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const [name] = await turns(proxy, 1, method, "Content-Length: 0\r\n");
      expect(["writer", "other"]).toContain(name!);
    }
    const before = second.requestCount + reader.requestCount;
    await ask(proxy, "HEAD");
    expect(second.requestCount + reader.requestCount).toBe(before + 1);
  });

  test("reads go to the writers when no reader is healthy", async () => {
    await using writer = named("writer");
    await using reader = named("reader");
    await using proxy = await proxies.borrow();
    await proxy.deploy(
      "web",
      writer.address,
      `--read-target=${reader.address}`,
      "--health-check-interval=20ms",
    );
    expect(await turns(proxy, 2)).toEqual(["reader", "reader"]);
    reader.healthy = false;
    await waitFor(async () => (await turns(proxy, 1))[0] === "writer", "reads at the writer");
    reader.healthy = true;
    await waitFor(async () => (await turns(proxy, 1))[0] === "reader", "reads at the reader");
    writer.healthy = false;
    await waitFor(
      async () => (await ask(proxy, "POST", "Content-Length: 0\r\n")).status === 503,
      "no writer",
    );
    expect(await turns(proxy, 1)).toEqual(["reader"]);
  });

  test("a write sets the affinity cookie with exactly these attributes", async () => {
    await using writer = named("writer");
    await using reader = named("reader");
    await using proxy = await proxies.borrow();
    await proxy.deploy(
      "web",
      writer.address,
      `--read-target=${reader.address}`,
      "--writer-affinity-timeout=1h",
    );
    const before = Date.now();
    const response = await ask(proxy, "POST", "Content-Length: 0\r\n");
    const after = Date.now();
    const [cookie = "", ...others] = affinity(response);
    expect(others).toEqual([]);
    const [, value = "", expires = ""] =
      /^kamal-writer=(\d+); Path=\/; Expires=([^;]+ GMT); HttpOnly$/.exec(cookie) ?? [];
    expect(Number(value)).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(Number(value)).toBeLessThanOrEqual(after + 3_600_000);
    expect(Date.parse(expires)).toBe(Math.floor((Number(value) + 1_000) / 1_000) * 1_000);
    expect(affinity(await ask(proxy, "GET"))).toEqual([]);

    const cookies: [string, string][] = [
      [`kamal-writer=${value}`, "writer"],
      [`kamal-writer="${value}"`, "writer"],
      [`a=b; kamal-writer=${value}; c=d`, "writer"],
      [`kamal-writer=${before - 1}`, "reader"],
      ["kamal-writer=soon", "reader"],
      [`kamal-writer=${value}.5`, "reader"],
      ["kamal-writer=99999999999999999999999", "reader"],
      ["kamal-writer=", "reader"],
      [`Kamal-Writer=${value}`, "reader"],
    ];
    for (const [sent, name] of cookies) {
      const found = await turns(proxy, 1, "GET", `Cookie: ${sent}\r\n`);
      expect({ sent, found }).toEqual({ sent, found: [name] });
    }
  });

  test("the app may opt out of the cookie by a header that nobody sees", async () => {
    await using writer = named("writer", (request) => {
      const headers = { "X-Writer-Affinity": request.headers.get("x-want") ?? "false" };
      return new Response("writer", { status: 500, headers });
    });
    await using reader = named("reader");
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", writer.address, `--read-target=${reader.address}`);
    const without = await ask(proxy, "POST", "Content-Length: 0\r\n");
    expect(without.status).toBe(500);
    expect(affinity(without)).toEqual([]);
    expect(valuesOf(without, "x-writer-affinity")).toEqual([]);
    const withCookie = await ask(proxy, "POST", "Content-Length: 0\r\nX-Want: true\r\n");
    expect(affinity(withCookie).length).toBe(1);
    expect(valuesOf(withCookie, "x-writer-affinity")).toEqual([]);
  });

  test("no cookie without readers, without a timeout, and on pages of the proxy", async () => {
    await using writer = named("writer");
    await using reader = named("reader");
    using broken = startRawServer(async (connection) => {
      const request = await connection.receive("\r\n\r\n");
      if (request.startsWith("GET /up ")) connection.send("HTTP/1.1 200 OK\r\n\r\n");
      connection.end();
    });
    await using proxy = await proxies.borrow();
    const write = async () => affinity(await ask(proxy, "POST", "Content-Length: 0\r\n")).length;
    await proxy.deploy("web", writer.address);
    expect(await write()).toBe(0);
    const readers = `--read-target=${reader.address}`;
    await proxy.deploy("web", writer.address, readers, "--writer-affinity-timeout=0");
    expect(await write()).toBe(0);
    await proxy.deploy("web", broken.address, readers);
    expect((await ask(proxy, "POST", "Content-Length: 0\r\n")).status).toBe(502);
    expect(await write()).toBe(0);
    await proxy.deploy("web", writer.address, readers);
    expect(await write()).toBe(1);
  });

  test("WebSockets are writes unless readers take them; other upgrades are reads", async () => {
    const switching = (name: string) =>
      startRawServer(async (connection) => {
        const request = await connection.receive("\r\n\r\n");
        const asked = /^Upgrade: (.*)$/im.exec(request)?.[1];
        if (asked === undefined) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        else {
          const lines = `Connection: Upgrade\r\nUpgrade: ${asked.trim()}\r\nX-Name: ${name}`;
          connection.send(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n\r\n`);
        }
      });
    using writer = switching("writer");
    using reader = switching("reader");
    await using proxy = await proxies.borrow();
    const upgrade = async (protocol: string): Promise<string> => {
      const response = await ask(
        proxy,
        "GET",
        `Connection: keep-alive, Upgrade\r\nUpgrade: ${protocol}\r\n`,
      );
      expect(response.status).toBe(101);
      return valuesOf(response, "x-name")[0]!;
    };
    const readers = `--read-target=${reader.address}`;
    await proxy.deploy("web", writer.address, readers);
    expect([await upgrade("websocket"), await upgrade("WebSocket")]).toEqual(["writer", "writer"]);
    expect(await upgrade("chat")).toBe("reader");
    await proxy.deploy("web", writer.address, readers, "--read-target-websockets");
    expect([await upgrade("websocket"), await upgrade("chat")]).toEqual(["reader", "reader"]);
  });

  test("readers and their options outlast a restart", async () => {
    await using writer = named("writer");
    await using reader = named("reader");
    await using proxy = await proxies.borrow();
    await proxy.deploy(
      "web",
      writer.address,
      `--read-target=${reader.address}`,
      "--writer-affinity-timeout=0",
    );
    await proxy.stop();
    await proxy.startAgain();
    expect(await turns(proxy, 1)).toEqual(["reader"]);
    expect(affinity(await ask(proxy, "POST", "Content-Length: 0\r\n"))).toEqual([]);
    const [saved] = (await Bun.file(proxy.statePath).json()) as Record<string, unknown>[];
    expect(saved).toMatchObject({
      active_targets: [writer.address],
      active_readers: [reader.address],
    });
  });
});
