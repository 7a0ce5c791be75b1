/** The proxy as a service of systemd: what it tells, and sockets that outlive it. */
import { describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { openLibc } from "../../src/net/libc.ts";
import { listenTcp } from "../../src/net/listening-sockets.ts";
import { freePorts, releasePorts } from "../support/free-ports.ts";
import { startNamedApp } from "../support/named-app.ts";
import { NotifySocket } from "../support/notify-socket.ts";
import { ProxyProcess, type ProxyProcessOptions } from "../support/proxy-process.ts";
import { startSteadyLoad } from "../support/steady-load.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import { childrenOf } from "../support/worker-processes.ts";

/** The number of the process is known when the shell has become it. */
const tellPid = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"];

interface OpenSocket extends Disposable {
  fd: number;
  port: number;
}

/** Blocking, as systemd hands it over. */
function openSocket(): OpenSocket {
  const libc = openLibc()!;
  const [port = 0] = freePorts(1);
  const [fd = 0] = listenTcp(libc, "127.0.0.1", port, 1).fds;
  const setStatusFlags = 4;
  libc.fcntl(fd, setStatusFlags, 0);
  return {
    fd,
    port,
    [Symbol.dispose]() {
      closeSync(fd);
      releasePorts([port]);
    },
  };
}

function handed(fds: readonly number[], names: string): ProxyProcessOptions {
  return {
    inherited: fds,
    launcher: tellPid,
    env: { KAMAL_PROXY_WORKERS: "2", LISTEN_FDS: String(fds.length), LISTEN_FDNAMES: names },
  };
}

describe("a service manager", () => {
  test.each(["a file", "a name that is no file"])(
    "by %s is told how the proxy is",
    async (kind) => {
      using folder = tempFolder();
      const path = kind === "a file" ? folder.file("notify") : `@kamal-proxy-test-${process.pid}`;
      using manager = new NotifySocket(path);
      await using proxy = await ProxyProcess.start({ env: { NOTIFY_SOCKET: path } });
      const ready = { READY: "1", MAINPID: String(proxy.pid) };
      expect(await manager.next()).toMatchObject(ready);

      const monotonicMicroseconds = Number(process.hrtime.bigint() / 1_000n);
      process.kill(proxy.pid, "SIGHUP");
      const reloading = await manager.next();
      expect(reloading).toMatchObject({ RELOADING: "1" });
      expect(Number(reloading["MONOTONIC_USEC"])).toBeGreaterThanOrEqual(monotonicMicroseconds);
      expect(await manager.next()).toMatchObject(ready);

      expect((await proxy.run("upgrade", join(proxy.home, "missing"))).code).toBe(1);
      expect(await manager.next()).toMatchObject({ RELOADING: "1" });
      const { STATUS, ...others } = await manager.next();
      expect(others).toEqual(ready);
      expect(STATUS).toStartWith("Unable to upgrade: ");

      expect(await proxy.stop()).toBe(0);
      expect(await manager.next()).toMatchObject({ STOPPING: "1" });
    },
  );

  test("that is not there is told of in the log", async () => {
    await using proxy = await ProxyProcess.start({ env: { NOTIFY_SOCKET: "/nowhere" } });
    expect(
      await proxy.waitForLog("Unable to tell the service manager how the proxy is"),
    ).toMatchObject({ error: "/nowhere: ENOENT" });
    expect((await fetch(proxy.url)).status).toBe(404);
  });
});

describe("sockets of a service manager", () => {
  test("are served, and a whole restart loses nothing", async () => {
    await using app = startNamedApp("web");
    using http = openSocket();
    using https = openSocket();
    await using proxy = await ProxyProcess.start(handed([https.fd, http.fd], "https:http"));
    expect(childrenOf(proxy.pid)).toHaveLength(2);
    expect(await proxy.waitForLog("Server started")).toMatchObject({
      http: http.port,
      https: https.port,
    });
    await proxy.deploy("web", app.address);
    await using load = startSteadyLoad({
      port: http.port,
      host: "web",
      accepts: (body) => body === "web",
    });
    for (let round = 0; round < 2; round++) {
      const before = load.answered;
      await waitFor(() => load.answered > before + 20, "answers");
      expect(await proxy.stop()).toBe(0);
      // Nobody is refused meanwhile: it waits.
      const waiting = fetch(`http://127.0.0.1:${http.port}/`, { headers: { host: "web" } });
      await proxy.startAgain();
      expect(await (await waiting).text()).toBe("web");
    }
    const before = load.answered;
    expect((await proxy.run("upgrade")).code).toBe(0);
    await waitFor(() => load.answered > before + 20, "answers of the upgraded proxy");
    await load.stop();
    expect(load.failures).toEqual([]);
  });

  test("belong to the port that they listen on, and what is missing is made", async () => {
    using http = openSocket();
    const options = handed([http.fd], "");
    await using proxy = await ProxyProcess.start({
      ...options,
      args: [`--http-port=${http.port}`],
    });
    expect((await fetch(`http://127.0.0.1:${http.port}/`)).status).toBe(404);
    expect(await proxy.waitForLog("Server started")).toMatchObject({
      http: http.port,
      https: proxy.httpsPort,
    });
  });

  test("of another process are not touched", async () => {
    using http = openSocket();
    const options = handed([http.fd], "http");
    await using proxy = await ProxyProcess.start({
      ...options,
      launcher: [],
      env: { ...options.env, LISTEN_PID: "1" },
    });
    expect((await fetch(proxy.url)).status).toBe(404);
  });

  test("that can't be meant are refused at the start", async () => {
    using http = openSocket();
    using other = openSocket();
    const file = openSync("/dev/null", "r");
    const { fd } = http;
    const cases: [fds: number[], names: string, env: Record<string, string>, error: string][] = [
      [[file], "http", {}, "LISTEN_FDS: socket 1 (http) is no TCP socket that listens"],
      [[fd], "web", {}, `LISTEN_FDS: socket 1 (web) is on port ${http.port}, which is neither`],
      [[fd, other.fd], "http:http", {}, "socket 2 (http) is a second one for http"],
      [[fd], "http", { KAMAL_PROXY_ONE_PROCESS: "true" }, "takes no sockets from others"],
    ];
    for (const [fds, names, env, error] of cases) {
      const options = handed(fds, names);
      const started = ProxyProcess.start({ ...options, env: { ...options.env, ...env } });
      await expect(started).rejects.toThrow(error);
    }
    closeSync(file);
  });
});
