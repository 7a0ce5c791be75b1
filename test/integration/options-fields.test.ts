import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readMetric } from "../support/proxy-metrics.ts";
import { proxyPool } from "../support/proxy-pool.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { type LogLine } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { type RawMessage, readResponse, valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

const proxies = proxyPool();

setDefaultTimeout(30_000);

async function ask(proxy: ProxyProcess, path: string, fields = "", host = "web.test") {
  using client = await connectRaw(proxy.httpPort);
  client.send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`);
  return await readResponse(client);
}

/** The line of the one request for that path. */
async function accessLine(proxy: ProxyProcess, path: string): Promise<LogLine> {
  return await proxy.waitForLog((line) => line["msg"] === "Request" && line["path"] === path);
}

const forwarded = (request: RawMessage) => ({
  for: valuesOf(request, "x-forwarded-for"),
  host: valuesOf(request, "x-forwarded-host"),
  proto: valuesOf(request, "x-forwarded-proto"),
});

const targetOf = (request: RawMessage): string => request.startLine.split(" ")[1]!;

describe("--log-request-header and --log-response-header", () => {
  test("named fields end the line, in lower case with underscores, joined when repeated", async () => {
    using app = startScriptedApp(
      () =>
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Cache: hit\r\nX-Cache: far\r\nETag: x\r\n\r\n",
    );
    await using proxy = await proxies.borrow();
    await proxy.deploy(
      "web",
      app.address,
      "--log-request-header=cache-control,X-One",
      "--log-request-header=USER-AGENT",
      "--log-response-header=X-Cache",
      "--log-response-header=x_odd",
    );
    await ask(
      proxy,
      "/seen",
      'Cache-Control: no-cache\r\nX-One: a\r\nX-One: "b"\r\nUser-Agent: me\r\n',
    );
    const line = await accessLine(proxy, "/seen");
    const keys = Object.keys(line);
    expect(keys.slice(keys.indexOf("query") + 1)).toEqual([
      "req_cache_control",
      "req_x_one",
      "req_user_agent",
      "resp_x_cache",
      "resp_x_odd",
    ]);
    expect(line).toMatchObject({
      req_cache_control: "no-cache",
      req_x_one: 'a,"b"',
      req_user_agent: "me",
      resp_x_cache: "hit,far",
      resp_x_odd: "",
    });
    const [saved] = (await Bun.file(proxy.statePath).json()) as {
      target_options: Record<string, unknown>;
    }[];
    expect(saved?.target_options).toMatchObject({
      log_request_headers: ["Cache-Control", "X-One", "User-Agent"],
      log_response_headers: ["X-Cache", "X_odd"],
    });
    await proxy.runHere("stop", "web");
    await ask(proxy, "/stopped");
    // Behind the fields of kamal-proxy stands why the proxy answered itself.
    expect(Object.keys(await accessLine(proxy, "/stopped")).slice(-2)).toEqual(["query", "error"]);
    await proxy.runHere("resume", "web");
    await proxy.deploy("web", app.address);
    await ask(proxy, "/without");
    expect(Object.keys(await accessLine(proxy, "/without")).at(-1)).toBe("query");
  });
});

describe("--exclude-metrics-path", () => {
  test("what the target sees decides; the log has it all the same", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start();
    await proxy.deploy(
      "web",
      app.address,
      "--path-prefix=/api",
      "--exclude-metrics-path=/live",
      "--exclude-metrics-path=/a b,/caf\u00e9",
      "--exclude-metrics-path=/api/live",
    );
    const excluded = [
      "/api/live",
      "/api/live?x=1",
      "/api/a%20b",
      "/api/caf%C3%A9",
      "/api/api/live",
    ];
    const counted = ["/api", "/api/live/", "/api/LIVE", "/api/alive", "/api/live/x"];
    for (const path of [...excluded, ...counted]) {
      expect((await ask(proxy, path)).status).toBe(200);
    }
    const requests = () =>
      readMetric(proxy, "kamal_proxy_http_requests_total", { service: "web", status: "200" });
    await waitFor(async () => (await requests()) === counted.length, "the counted requests");
    expect(await readMetric(proxy, "kamal_proxy_http_in_flight_requests", { service: "web" })).toBe(
      0,
    );
    expect((await accessLine(proxy, "/api/live"))["status"]).toBe(200);
    expect((await accessLine(proxy, "/api/caf\u00e9"))["status"]).toBe(200);
    await proxy.stop();
    await proxy.startAgain();
    await ask(proxy, "/api/live");
    await ask(proxy, "/api");
    await waitFor(async () => (await requests()) === 1, "the one counted request");
  });
});

describe("--forward-headers", () => {
  const came =
    "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nX-Forwarded-Host: front.test\r\n" +
    "X-Forwarded-Proto: https\r\nForwarded: for=3.3.3.3\r\nX-Forwarded-Port: 444\r\n";
  const believed = {
    for: ["1.1.1.1, 2.2.2.2, 127.0.0.1"],
    host: ["front.test"],
    proto: ["https"],
  };
  const replaced = { for: ["127.0.0.1"], host: ["web.test"], proto: ["http"] };

  test("the default is to forward what came, `false` replaces it", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    for (const [flags, expected] of [
      [[], believed],
      [["--forward-headers"], believed],
      [["--forward-headers=true"], believed],
      [["--forward-headers=false"], replaced],
    ] as const) {
      await proxy.deploy("web", app.address, ...flags);
      await ask(proxy, "/", came);
      const request = app.requests.at(-1)!;
      expect({ flags, ...forwarded(request) }).toEqual({ flags, ...expected });
      expect(valuesOf(request, "forwarded")).toEqual([]);
      expect(valuesOf(request, "x-forwarded-port")).toEqual(["444"]);
    }
    await ask(proxy, "/none");
    expect(forwarded(app.requests.at(-1)!)).toEqual(replaced);
  });
});

describe("--client-ip-header", () => {
  test("its value takes the place of X-Forwarded-For, upstream and in the log", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--client-ip-header=CF-Connecting-IP");
    const both = "cf-connecting-ip: 5.5.5.5\r\nX-Forwarded-For: 1.1.1.1\r\n";
    await ask(proxy, "/both", both);
    expect(forwarded(app.requests.at(-1)!).for).toEqual(["5.5.5.5, 127.0.0.1"]);
    expect(valuesOf(app.requests.at(-1)!, "cf-connecting-ip")).toEqual(["5.5.5.5"]);
    await ask(proxy, "/other", "CF-Connecting-IP:\r\nX-Forwarded-For: 1.1.1.1\r\n");
    expect(forwarded(app.requests.at(-1)!).for).toEqual(["1.1.1.1, 127.0.0.1"]);
    await ask(proxy, "/none");
    expect(await accessLine(proxy, "/both")).toMatchObject({
      client_addr: "127.0.0.1",
      remote_addr: "5.5.5.5",
    });
    expect(await accessLine(proxy, "/other")).toMatchObject({ remote_addr: "1.1.1.1" });
    expect(await accessLine(proxy, "/none")).toMatchObject({ remote_addr: "127.0.0.1" });
    await proxy.deploy(
      "web",
      app.address,
      "--client-ip-header=CF-Connecting-IP",
      "--forward-headers=false",
    );
    await ask(proxy, "/off", both);
    expect(forwarded(app.requests.at(-1)!).for).toEqual(["127.0.0.1"]);
    expect(await accessLine(proxy, "/off")).toMatchObject({ remote_addr: "5.5.5.5" });
  });
});

describe("--scope-cookie-paths", () => {
  const cookies = [
    "a=1; Path=/; HttpOnly",
    "b=2",
    "c=3; Path=/x/; Secure; SameSite=Lax",
    "d=4; Path=/; Domain=web.test",
    "e=5; Path=/; Domain=other.test",
  ];
  const response =
    `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n` +
    cookies.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join("") +
    "\r\n";

  const attributes = (cookie: string | undefined): string[] =>
    (cookie ?? "").split(/; */).toSorted((a, b) => (a < b ? -1 : 1));

  test("cookies of the host itself get the stripped prefix as their path", async () => {
    using app = startScriptedApp(() => response);
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--path-prefix=/api", "--scope-cookie-paths");
    const scoped = valuesOf(await ask(proxy, "/api/login"), "set-cookie");
    expect(scoped.map(attributes)).toEqual(
      [
        "a=1; Path=/api; HttpOnly",
        "b=2; Path=/api",
        "c=3; Path=/api/x; Secure; SameSite=Lax",
        "d=4; Path=/api; Domain=web.test",
        "e=5; Path=/; Domain=other.test",
      ].map(attributes),
    );
  });

  test("nothing changes without the flag, at the root, or when the prefix stays", async () => {
    using app = startScriptedApp(() => response);
    await using proxy = await proxies.borrow();
    for (const flags of [
      ["--path-prefix=/api"],
      ["--scope-cookie-paths"],
      ["--path-prefix=/api", "--strip-path-prefix=false", "--scope-cookie-paths"],
    ]) {
      await proxy.deploy("web", app.address, ...flags);
      expect(valuesOf(await ask(proxy, "/api/login"), "set-cookie")).toEqual(cookies);
    }
  });
});

describe("--path-prefix and --strip-path-prefix", () => {
  test("the prefix is taken off once, everything behind it stays byte for byte", async () => {
    using app = startScriptedApp(() => ok);
    await using proxy = await proxies.borrow();
    await proxy.deploy(
      "web",
      app.address,
      "--path-prefix=/api/,deep/er",
      "--path-prefix=caf\u00e9",
    );
    const cases: [sent: string, seen: string][] = [
      ["/api", "/"],
      ["/api?q=1;2&%zz", "/?q=1;2&%zz"],
      ["/api/", "/"],
      ["/api/api/x", "/api/x"],
      ["/api/a%2Fb%20c", "/a%2Fb%20c"],
      ["/api//x/../y", "//x/../y"],
      ["/%61pi/x", "/x"],
      ["/deep/er/x", "/x"],
      ["/caf%C3%A9/x", "/x"],
    ];
    for (const [sent, seen] of cases) {
      expect({ sent, status: (await ask(proxy, sent)).status }).toEqual({ sent, status: 200 });
      expect({ sent, seen: targetOf(app.requests.at(-1)!) }).toEqual({ sent, seen });
    }
    for (const path of ["/", "/apis", "/API/x", "/deep"]) {
      expect({ path, status: (await ask(proxy, path)).status }).toEqual({ path, status: 404 });
    }
    await proxy.deploy("web", app.address, "--path-prefix=/api", "--strip-path-prefix=false");
    for (const path of ["/api", "/api/a%2Fb", "/%61pi/x?y"]) {
      await ask(proxy, path);
      expect(targetOf(app.requests.at(-1)!)).toBe(path);
    }
  });
});
