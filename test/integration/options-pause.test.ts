import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { startApp } from "../support/app.ts";
import { proxyPool } from "../support/proxy-pool.ts";
import { ProxyProcess, severalWorkers } from "../support/proxy-process.ts";
import { waitForInFlight } from "../support/proxy-metrics.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { startRawServer } from "../support/raw-server.ts";
import { waitFor } from "../support/wait-for.ts";

const proxies = proxyPool({ env: severalWorkers });

setDefaultTimeout(30_000);

const head = (method: string, target: string, fields = ""): string =>
  `${method} ${target} HTTP/1.1\r\nHost: web.test\r\n${fields}\r\n`;

async function send(proxy: ProxyProcess, bytes: string): Promise<RawConnection> {
  return (await connectRaw(proxy.httpPort)).send(bytes);
}

/** Status and body of one request on a connection of its own. */
async function exchange(proxy: ProxyProcess, method: string, target: string, fields = "") {
  using connection = await send(proxy, head(method, target, fields));
  const response = await readResponse(connection, method);
  return { status: response.status, body: response.body.toString(), fields: response.fields };
}

async function command(proxy: ProxyProcess, ...args: string[]): Promise<void> {
  const { code, stderr, stdout } = await proxy.runHere(...args);
  expect({ args, code, stdout, stderr }).toEqual({ args, code: 0, stdout: "", stderr: "" });
}

async function states(proxy: ProxyProcess): Promise<string> {
  // oxlint-disable-next-line no-control-regex -- the list is coloured
  return (await proxy.runHere("list")).stdout.replaceAll(/\x1b\[[\d;]*m/g, "");
}

describe("pause", () => {
  test("held requests go on in the order of their arrival as soon as the service is resumed", async () => {
    const seen: string[] = [];
    using app = startRawServer(async (connection) => {
      for (;;) {
        const path = /^GET (\S+)/.exec(await connection.receive("\r\n\r\n"))?.[1] ?? "";
        if (path !== "/up") seen.push(path);
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      }
    });
    // Each worker has a queue of its own.
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", app.address);
    await command(proxy, "pause", "web");
    expect(await states(proxy)).toContain("paused");
    const clients: RawConnection[] = [];
    for (let i = 0; i < 12; i++) {
      clients.push(await send(proxy, head("GET", `/${i}`)));
      await waitForInFlight(proxy, "web", i + 1);
    }
    expect(seen).toEqual([]);
    await command(proxy, "resume", "web");
    for (const client of clients) {
      expect((await readResponse(client)).status).toBe(200);
      client[Symbol.dispose]();
    }
    expect(seen).toEqual(clients.map((_, i) => `/${i}`));
    expect(await states(proxy)).toContain("running");
  });

  test("a request waits for max-pause at most and is then answered with the 504 page", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    await command(proxy, "pause", "web", "--max-pause=100ms");
    const late = await exchange(proxy, "GET", "/late");
    expect(late.status).toBe(504);
    expect(late.body).toContain("<title>504 — Gateway Timeout</title>");
    await proxy.waitForLog("Rejecting request due to expired pause");
    await command(proxy, "pause", "web", "--max-pause=0");
    expect((await exchange(proxy, "GET", "/never")).status).toBe(504);
    await command(proxy, "resume", "web");
    expect((await exchange(proxy, "GET", "/")).status).toBe(200);
    expect(app.requestCount).toBe(1);
  });

  test("a second pause counts for later requests only", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    await command(proxy, "pause", "web", "--max-pause=1h");
    using first = await send(proxy, head("GET", "/first"));
    await waitForInFlight(proxy, "web", 1);
    await command(proxy, "pause", "web", "--max-pause=50ms");
    expect((await exchange(proxy, "GET", "/second")).status).toBe(504);
    await command(proxy, "resume", "web");
    expect((await readResponse(first)).status).toBe(200);
  });

  test("requests under way may end before the command returns, other services go on", async () => {
    const gate = Promise.withResolvers<void>();
    await using app = startApp(async () => {
      await gate.promise;
      return new Response("done");
    });
    await using other = startApp(() => new Response("other"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--host=web.test");
    await proxy.deploy("other", other.address, "--host=other.test");
    using running = await send(proxy, head("GET", "/"));
    await waitFor(() => app.requestCount === 1, "the request to reach the app");
    let returned = false;
    const pausing = command(proxy, "pause", "web").then(() => (returned = true));
    await proxy.waitForLog("Service paused");
    using held = await send(proxy, head("GET", "/held"));
    await waitForInFlight(proxy, "web", 2);
    const answer = await fetch(proxy.url, { headers: { Host: "other.test" } });
    expect(await answer.text()).toBe("other");
    expect(returned).toBe(false);
    gate.resolve();
    expect((await readResponse(running)).body.toString()).toBe("done");
    await pausing;
    expect(app.requestCount).toBe(1);
    await command(proxy, "resume", "web");
    expect((await readResponse(held)).body.toString()).toBe("done");
  });

  test("after drain-timeout the requests under way are cancelled", async () => {
    await using app = startApp(() => new Promise(() => {}));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    using running = await send(proxy, head("GET", "/"));
    await waitFor(() => app.requestCount === 1, "the request to reach the app");
    await command(proxy, "pause", "web", "--drain-timeout=50ms");
    const response = await readResponse(running);
    expect(response.status).toBe(504);
    await proxy.waitForLog("Request cancelled due to draining");
  });

  test("an upgrade is held like any other request and becomes a tunnel afterwards", async () => {
    using app = startRawServer(async (connection) => {
      const request = await connection.receive("\r\n\r\n");
      if (request.startsWith("GET /up ")) {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").end();
        return;
      }
      connection.send("HTTP/1.1 101 Hi\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
      connection.send(await connection.receiveBytes(4));
    });
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    await command(proxy, "pause", "web");
    using client = await send(proxy, head("GET", "/", "Connection: Upgrade\r\nUpgrade: echo\r\n"));
    await waitForInFlight(proxy, "web", 1);
    await command(proxy, "resume", "web");
    expect((await readResponse(client)).status).toBe(101);
    client.send("ping");
    expect((await client.receiveBytes(4)).toString()).toBe("ping");
  });

  test("a client that leaves frees its place and its request is never sent", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    await command(proxy, "pause", "web");
    for (const [method, fields] of [
      ["GET", ""],
      ["POST", "Content-Length: 4\r\n"],
      ["PUT", "Transfer-Encoding: chunked\r\n"],
    ] as const) {
      const body = { GET: "", POST: "body", PUT: "4\r\nbody\r\n0\r\n\r\n" }[method];
      using client = await send(proxy, head(method, `/${method}`, fields) + body);
      await waitForInFlight(proxy, "web", 1);
      client.close();
      await waitForInFlight(proxy, "web", 0);
      const line = await proxy.waitForLog((line) => line["path"] === `/${method}`);
      expect(line["status"]).toBe(499);
    }
    await command(proxy, "resume", "web");
    expect((await exchange(proxy, "GET", "/")).status).toBe(200);
    expect(app.requestCount).toBe(1);
  });

  test("a client that leaves behind a large body has sent no whole request", async () => {
    const bodies = new Map<string, string>();
    using app = startRawServer(async (connection) => {
      const first = await connection.receive("\r\n\r\n");
      const path = first.split(" ")[1]!;
      if (path === "/up") {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
      }
      await waitFor(() => connection.peerEnded, "the end of the request");
      bodies.set(path, connection.unread);
    });
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    const body = "x".repeat(300_000);
    for (const [path, fields, whole] of [
      ["/length", `Content-Length: ${body.length}\r\n`, body],
      ["/chunked", "Transfer-Encoding: chunked\r\n", `493e0\r\n${body}\r\n0\r\n\r\n`],
    ] as const) {
      await command(proxy, "pause", "web");
      using client = await send(proxy, head("POST", path, fields) + whole);
      await waitForInFlight(proxy, "web", 1);
      client.close();
      await client.closed();
      await command(proxy, "resume", "web");
      const line = await proxy.waitForLog((line) => line["path"] === path);
      expect(line["status"]).toBe(499);
      const received = await waitFor(() => bodies.get(path), `what the app got of ${path}`);
      expect(received.match(/x/g)?.length ?? 0).toBeLessThanOrEqual(body.length);
      if (path === "/length") expect(received.length).toBeLessThan(body.length);
      else expect(received).not.toEndWith("0\r\n\r\n");
    }
  });

  test("large bodies of clients that wait are sent whole", async () => {
    await using app = startApp(
      async (request) => new Response(`${(await request.bytes()).length}`),
    );
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    const body = "x".repeat(300_000);
    await command(proxy, "pause", "web");
    const clients = [
      await send(proxy, head("POST", "/", `Content-Length: ${body.length}\r\n`) + body),
      await send(
        proxy,
        `${head("POST", "/", "Transfer-Encoding: chunked\r\n")}493e0\r\n${body}\r\n0\r\n\r\n`,
      ),
    ];
    await waitForInFlight(proxy, "web", 2);
    for (const client of clients) client.send(head("GET", "/"));
    await command(proxy, "resume", "web");
    for (const client of clients) {
      expect((await readResponse(client)).body.toString()).toBe("300000");
      expect((await readResponse(client)).body.toString()).toBe("0");
      client[Symbol.dispose]();
    }
  });

  test("removing the service answers the held requests", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    await command(proxy, "pause", "web", "--max-pause=1h");
    using held = await send(proxy, head("GET", "/"));
    await waitForInFlight(proxy, "web", 1);
    await command(proxy, "remove", "web");
    expect((await readResponse(held)).status).toBe(503);
    expect((await exchange(proxy, "GET", "/")).status).toBe(404);
    expect(app.requestCount).toBe(0);
  });

  test("a redeploy leaves the service paused and held requests go to the new target", async () => {
    await using older = startApp(() => new Response("older"));
    await using newer = startApp(() => new Response("newer"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", older.address);
    await command(proxy, "pause", "web");
    using held = await send(proxy, head("GET", "/"));
    await waitForInFlight(proxy, "web", 1);
    await proxy.deploy("web", newer.address);
    expect(await states(proxy)).toContain("paused");
    expect(newer.requestCount).toBe(0);
    await command(proxy, "resume", "web");
    expect((await readResponse(held)).body.toString()).toBe("newer");
    expect(older.requestCount).toBe(0);
  });

  test("it outlasts a restart and can be ended then", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    await command(proxy, "pause", "web", "--max-pause=1h");
    await proxy.stop();
    await proxy.startAgain();
    expect(await states(proxy)).toContain("paused");
    using held = await send(proxy, head("GET", "/"));
    await waitForInFlight(proxy, "web", 1);
    expect(app.requestCount).toBe(0);
    await command(proxy, "resume", "web");
    expect((await readResponse(held)).status).toBe(200);
  });
});

describe("stop", () => {
  test("held and later requests are answered 503 with the message, escaped for HTML", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    await command(proxy, "pause", "web", "--max-pause=1h");
    using held = await send(proxy, head("POST", "/held", "Content-Length: 1000\r\n"));
    await waitForInFlight(proxy, "web", 1);
    await command(proxy, "stop", "web", `--message=<b>Back at 5 & "later"</b>`);
    const answer = await readResponse(held);
    expect(answer.status).toBe(503);
    expect(answer.body.toString()).toContain("&lt;b&gt;Back at 5 &amp; &#34;later&#34;&lt;/b&gt;");
    const later = await exchange(proxy, "GET", "/");
    expect(later.status).toBe(503);
    expect(later.body).toContain("<title>503 — Service Temporarily Unavailable</title>");
    expect(later.body).toContain("&lt;b&gt;Back at 5");
    expect(later.fields).toContainEqual(["content-type", "text/html; charset=utf-8"]);
    expect(await states(proxy)).toContain("stopped");
    await command(proxy, "stop", "web");
    const plain = await exchange(proxy, "GET", "/");
    expect(plain.body).toContain("temporarily unavailable");
    expect(plain.body).not.toContain("Back at 5");
    await command(proxy, "resume", "web");
    expect((await exchange(proxy, "GET", "/")).status).toBe(200);
    expect(app.requestCount).toBe(1);
  });

  test("it outlasts a restart and a redeploy, with its message", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    await command(proxy, "stop", "web", "--message=Moving house");
    await proxy.stop();
    await proxy.startAgain();
    expect((await exchange(proxy, "GET", "/")).body).toContain("Moving house");
    await proxy.deploy("web", app.address);
    expect((await exchange(proxy, "GET", "/")).body).toContain("Moving house");
    await command(proxy, "resume", "web");
    expect((await exchange(proxy, "GET", "/")).status).toBe(200);
  });

  test("after drain-timeout the requests under way are cancelled", async () => {
    await using app = startApp(() => new Promise(() => {}));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    using running = await send(proxy, head("GET", "/"));
    await waitFor(() => app.requestCount === 1, "the request to reach the app");
    await command(proxy, "stop", "web", "--drain-timeout=50ms");
    expect((await readResponse(running)).status).toBe(504);
  });
});

describe("the health check path while paused or stopped", () => {
  for (const state of ["pause", "stop"]) {
    test(`GET and HEAD of exactly that path are answered 200 without the target (${state})`, async () => {
      await using app = startApp(() => new Response("ok"));
      await using proxy = await proxies.borrow();
      const prefixed = ["--path-prefix=/api", "--health-check-path=up"];
      await proxy.deploy("root", app.address, "--host=root.test");
      await proxy.deploy("api", app.address, "--host=api.test", ...prefixed);
      await proxy.deploy(
        "whole",
        app.address,
        "--host=whole.test",
        "--path-prefix=/whole",
        "--strip-path-prefix=false",
      );
      const expiring = state === "pause" ? ["--max-pause=0"] : [];
      for (const service of ["root", "api", "whole"]) {
        await command(proxy, state, service, ...expiring);
      }
      const turnedAway = state === "pause" ? 504 : 503;
      const cases: [string, string, string, number][] = [
        ["root.test", "GET", "/up", 200],
        ["root.test", "HEAD", "/up", 200],
        ["root.test", "GET", "/up?full=1", 200],
        ["root.test", "POST", "/up", turnedAway],
        ["root.test", "GET", "/up/", turnedAway],
        ["root.test", "GET", "/", turnedAway],
        ["api.test", "GET", "/api/up", 200],
        ["api.test", "HEAD", "/api/up", 200],
        ["api.test", "GET", "/api/api/up", turnedAway],
        ["whole.test", "GET", "/whole/up", turnedAway],
      ];
      for (const [host, method, target, status] of cases) {
        using client = await connectRaw(proxy.httpPort);
        client.send(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        const response = await readResponse(client, method);
        expect({ host, method, target, status: response.status }).toEqual({
          host,
          method,
          target,
          status,
        });
        if (status === 200) expect(response.body.length).toBe(0);
      }
      expect(app.requestCount).toBe(0);
    });
  }
});

describe("bad commands", () => {
  test("they name what is wrong and change nothing", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    const invalid = (flag: string, value: string, reason: string): string =>
      `Error: invalid argument "${value}" for "--${flag}" flag: ${reason}\n`;
    const missing = "Error: service not found\n";
    const cases: [string[], string][] = [
      [["pause", "nobody"], missing],
      [["stop", "nobody"], missing],
      [["resume", "nobody"], missing],
      [["pause"], "Error: accepts 1 arg(s), received 0\n"],
      [["resume", "web", "web"], "Error: accepts 1 arg(s), received 2\n"],
      [
        ["pause", "web", "--max-pause=30"],
        invalid("max-pause", "30", 'time: missing unit in duration "30"'),
      ],
      [
        ["stop", "web", "--drain-timeout=soon"],
        invalid("drain-timeout", "soon", 'time: invalid duration "soon"'),
      ],
      [["stop", "web", "--message"], "Error: flag needs an argument: --message\n"],
      [["pause", "web", "--message=x"], "Error: unknown flag: --message\n"],
    ];
    for (const [args, stderr] of cases) {
      expect({ args, ...(await proxy.runHere(...args)) }).toEqual({
        args,
        code: 1,
        stdout: "",
        stderr,
      });
    }
    expect(await states(proxy)).toContain("running");
    expect((await exchange(proxy, "GET", "/")).status).toBe(200);
  });
});
