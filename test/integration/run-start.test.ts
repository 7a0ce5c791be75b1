/** Starting the proxy: what it says, what it refuses, what it takes over. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { startApp } from "../support/app.ts";
import { freePorts } from "../support/free-ports.ts";
import { proxyCommand, ProxyProcess } from "../support/proxy-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { within } from "../support/wait-for.ts";

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A `run` that is expected to end by itself. */
async function runToEnd(env: Record<string, string>, ...args: string[]): Promise<Ended> {
  const child = Bun.spawn([...proxyCommand(), "run", ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  try {
    const ended = Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    const [stdout, stderr, code] = await within(ended, "the proxy to end by itself");
    return { code, stdout, stderr };
  } finally {
    child.kill("SIGKILL");
  }
}

describe("a start", () => {
  test("is told on stdout in JSON lines, in order", async () => {
    await using proxy = await ProxyProcess.start();
    await proxy.waitForLog("Server started");
    expect(proxy.logs.map((line) => line["msg"])).toEqual([
      "No previous state to restore",
      "Metrics enabled",
      "Server started",
    ]);
    const [restored, , started] = proxy.logs;
    expect(restored).toMatchObject({ level: "INFO", path: proxy.statePath });
    expect(started).toMatchObject({
      level: "INFO",
      http: proxy.httpPort,
      https: proxy.httpsPort,
    });
    for (const line of proxy.logs) {
      expect(Object.keys(line).slice(0, 3)).toEqual(["time", "level", "msg"]);
      expect(Number.isNaN(Date.parse(String(line["time"])))).toBe(false);
    }
    expect(proxy.output).toBe("");
  });

  test("without metrics does not open their port", async () => {
    await using proxy = await ProxyProcess.start({ metrics: false });
    expect(proxy.logs.map((line) => line["msg"])).not.toContain("Metrics enabled");
    await expect(fetch(`http://127.0.0.1:${proxy.metricsPort}/metrics`)).rejects.toThrow();
  });

  test("makes its data folder and its socket for its user alone", async () => {
    await using proxy = await ProxyProcess.start();
    expect(statSync(`${proxy.home}/.config/kamal-proxy`).mode & 0o777).toBe(0o700);
    const socket = statSync(proxy.socketPath);
    expect(socket.isSocket()).toBe(true);
    expect(socket.mode & 0o022).toBe(0);
  });

  test("answers an unknown host with the 404 page", async () => {
    await using proxy = await ProxyProcess.start();
    const response = await fetch(proxy.url);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("<title>404 — Not Found</title>");
  });

  test("listens on IPv6 too", async () => {
    await using proxy = await ProxyProcess.start();
    const response = await fetch(`http://[::1]:${proxy.httpPort}/`);
    expect(response.status).toBe(404);
  });

  test("logs debug messages only with --debug", async () => {
    await using app = startApp(() => new Response("ok"));
    for (const args of [[], ["--debug"]]) {
      await using proxy = await ProxyProcess.start({ args });
      await proxy.deploy("web", app.address);
      await proxy.waitForLog("Deployed");
      const levels = new Set(proxy.logs.map((line) => line["level"]));
      expect(levels.has("DEBUG")).toBe(args.length > 0);
    }
  });
});

describe("the environment of a start", () => {
  test("sets ports, KAMAL_PROXY_ before the plain name, flags before both", async () => {
    const [plain, named, metrics] = freePorts(3);
    await using proxy = await ProxyProcess.start({
      metrics: false,
      env: {
        HTTP_PORT: "1",
        METRICS_PORT: String(plain),
        KAMAL_PROXY_METRICS_PORT: String(metrics),
      },
    });
    expect(named).toBeGreaterThan(0);
    expect((await fetch(proxy.url)).status).toBe(404);
    const figures = await fetch(`http://127.0.0.1:${metrics}/`);
    expect(await figures.text()).toContain("kamal_proxy_");
  });

  test("that can not be read is ignored", async () => {
    await using proxy = await ProxyProcess.start({
      metrics: false,
      env: { KAMAL_PROXY_METRICS_PORT: "many", KAMAL_PROXY_DEBUG: "perhaps" },
    });
    expect((await fetch(proxy.url)).status).toBe(404);
  });

  test.skipIf(process.platform !== "linux")(
    "is that of the engine, whatever others have set for it",
    async () => {
      await using proxy = await ProxyProcess.start({
        env: {
          NODE_TLS_REJECT_UNAUTHORIZED: "0",
          NODE_EXTRA_CA_CERTS: "/nowhere",
          BUN_INSPECT: "ws://127.0.0.1:0/",
          BUN_CONFIG_DNS_TIME_TO_LIVE_SECONDS: "30",
        },
      });
      const variables = readFileSync(`/proc/${proxy.pid}/environ`, "latin1").split("\0");
      expect(variables.filter((variable) => /^(BUN|NODE)_/.test(variable)).toSorted()).toEqual([
        "BUN_JSC_numberOfGCMarkers=1",
      ]);
    },
  );

  test("names the socket, for the proxy and for its commands", async () => {
    await using proxy = await ProxyProcess.start();
    expect(existsSync(proxy.socketPath)).toBe(true);
    expect((await proxy.run("list")).code).toBe(0);
  });
});

describe("a start fails", () => {
  test("when the HTTP port is taken", async () => {
    await using proxy = await ProxyProcess.start();
    using folder = tempFolder();
    const env = { HOME: folder.path, KAMAL_PROXY_SOCKET: folder.file("s") };
    const [https] = freePorts(1);
    const ended = await runToEnd(env, `--http-port=${proxy.httpPort}`, `--https-port=${https}`);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toBe(
      `Error: listen tcp :${proxy.httpPort}: bind: address already in use\n`,
    );
    expect(existsSync(folder.file("s"))).toBe(false);
    expect((await fetch(proxy.url)).status).toBe(404);
  });

  test("when the metrics port is taken", async () => {
    await using proxy = await ProxyProcess.start();
    using folder = tempFolder();
    const env = { HOME: folder.path, KAMAL_PROXY_SOCKET: folder.file("s") };
    const [http, https] = freePorts(2);
    const ended = await runToEnd(
      env,
      `--http-port=${http}`,
      `--https-port=${https}`,
      `--metrics-port=${proxy.metricsPort}`,
    );
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("address already in use");
  });

  test.each(["--http-port=99999", "--https-port=99999"])("with %s", async (flag) => {
    using folder = tempFolder();
    const env = { HOME: folder.path, KAMAL_PROXY_SOCKET: folder.file("s") };
    const [http, https] = freePorts(2);
    const ended = await runToEnd(env, `--http-port=${http}`, `--https-port=${https}`, flag);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toBe("Error: listen tcp: address 99999: invalid port\n");
  });

  test("when another proxy answers on its socket, which stays untouched", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", app.address);
    using folder = tempFolder();
    const env = { HOME: folder.path, KAMAL_PROXY_SOCKET: proxy.socketPath };
    const [http, https] = freePorts(2);
    const ended = await runToEnd(env, `--http-port=${http}`, `--https-port=${https}`);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toStartWith("Error: ");
    expect(ended.stderr).toContain(proxy.socketPath);
    expect((await proxy.run("list")).stdout).toContain("web");
    expect(await (await fetch(proxy.url)).text()).toBe("ok");
  });

  test("when its socket can not be made", async () => {
    using folder = tempFolder();
    mkdirSync(folder.file("s"));
    const env = { HOME: folder.path, KAMAL_PROXY_SOCKET: folder.file("s") };
    const [http, https] = freePorts(2);
    const ended = await runToEnd(env, `--http-port=${http}`, `--https-port=${https}`);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toStartWith("Error: ");
  });
});

describe("a start after a crash", () => {
  test("takes the stale socket over and serves what was deployed", async () => {
    await using app = startApp(() => new Response("still here"));
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", app.address);
    await proxy.stop("SIGKILL");
    expect(existsSync(proxy.socketPath)).toBe(true);
    await proxy.startAgain();
    expect(await (await fetch(proxy.url)).text()).toBe("still here");
    expect((await proxy.run("list")).stdout).toContain("web");
    expect(await proxy.waitForLog("Restored saved state")).toMatchObject({ path: proxy.statePath });
  });
});
