/** Several processes that serve as one proxy, and what becomes of them when they die. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { shutdownTimeoutMs } from "../../src/config/limits.ts";
import { noLibcVariable } from "../../src/net/libc.ts";
import { startApp } from "../support/app.ts";
import { startNamedApp } from "../support/named-app.ts";
import { readMetric, readMetrics } from "../support/proxy-metrics.ts";
import { ProxyProcess, proxyCommand } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { startSteadyLoad } from "../support/steady-load.ts";
import { waitFor } from "../support/wait-for.ts";
import { childrenOf } from "../support/worker-processes.ts";

function startWith(workers: number, env: Record<string, string> = {}): Promise<ProxyProcess> {
  return ProxyProcess.start({ env: { KAMAL_PROXY_WORKERS: String(workers), ...env } });
}

/** One request on a connection of its own. */
async function ask(proxy: ProxyProcess, path = "/"): Promise<Response> {
  return await fetch(`${proxy.url}${path}`, { headers: { connection: "close" } });
}

function deaths(proxy: ProxyProcess): number {
  return proxy.logs.filter(({ msg }) => msg === "Worker died").length;
}

describe("workers", () => {
  test.each([1, 2, 4, 8])(
    "%d of them serve, and deploys under load lose nothing",
    async (count) => {
      await using first = startNamedApp("web 1");
      await using second = startNamedApp("web 2");
      await using proxy = await startWith(count);
      expect(childrenOf(proxy.pid)).toHaveLength(count);
      await proxy.deploy("web", first.address);
      await using load = startSteadyLoad({
        port: proxy.httpPort,
        host: "web",
        accepts: (body) => body.startsWith("web "),
      });
      for (let i = 0; i < 6; i++) {
        const [app, name] = i % 2 === 0 ? [second, "web 2"] : [first, "web 1"];
        await proxy.deploy("web", app.address);
        // Whichever of them is asked: all serve it when the command returns.
        const answers = await Promise.all(
          Array.from({ length: 4 * count }, async () => (await ask(proxy)).text()),
        );
        expect(new Set(answers)).toEqual(new Set([name]));
      }
      await load.stop();
      expect(load.failures).toEqual([]);
      expect(load.answered).toBeGreaterThan(0);
    },
  );

  test("one that is killed is replaced, what waits for it is served, and no counter falls", async () => {
    await using app = startNamedApp("web");
    await using proxy = await startWith(2);
    await proxy.deploy("web", app.address);
    const counted = (): Promise<number> =>
      readMetric(proxy, "kamal_proxy_http_requests_total", { service: "web", status: "200" });
    let before = 0;
    for (let round = 1; round <= 3; round++) {
      await Promise.all(Array.from({ length: 8 }, () => ask(proxy)));
      before = await counted();
      expect(before).toBeGreaterThanOrEqual(8 * round);
      const [victim] = childrenOf(proxy.pid);
      process.kill(victim!, "SIGKILL");
      // Some of them come to the socket of the one that is gone, and wait there.
      const answers = await Promise.all(Array.from({ length: 16 }, () => ask(proxy)));
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 16 }, () => 200));
      await waitFor(() => deaths(proxy) === round, "the log line of its death");
      await waitFor(() => childrenOf(proxy.pid).length === 2, "its successor");
      expect(await counted()).toBeGreaterThanOrEqual(before);
    }
    expect(proxy.logs.find(({ msg }) => msg === "Worker died")).toMatchObject({
      level: "ERROR",
      signal: "SIGKILL",
    });
    const restarts = ["0", "1"].map((worker) =>
      readMetric(proxy, "kamal_proxy_worker_restarts_total", { worker }),
    );
    expect((await Promise.all(restarts)).reduce((sum, count) => sum + count)).toBe(3);
  });

  test("one that dies again and again waits for its turn, and the other one serves on", async () => {
    await using app = startNamedApp("web");
    await using proxy = await startWith(2);
    await proxy.deploy("web", app.address);
    const [survivor] = childrenOf(proxy.pid);
    const waits = (): boolean =>
      proxy.logs.some(({ msg, retry_ms }) => {
        return msg === "Worker dies again and again" && Number(retry_ms) >= 800;
      });
    // Each pause is twice as long as the one before: one of them is long enough to be seen on any machine.
    await waitFor(async () => {
      for (const pid of childrenOf(proxy.pid)) if (pid !== survivor) process.kill(pid, "SIGKILL");
      if (!waits()) return false;
      const [waiting, listed] = await Promise.all([
        readMetric(proxy, "kamal_proxy_workers", { state: "waiting" }),
        proxy.runHere("list", "--json"),
      ]);
      const { "(workers)": workers } = JSON.parse(listed.stdout) as {
        "(workers)": { state: string }[];
      };
      const states = workers.map(({ state }) => state).toSorted();
      return waiting === 1 && states.join() === "serving,waiting";
    }, "the pause before the next attempt, in the list and the metrics");
    expect((await ask(proxy)).status).toBe(200);
    await waitFor(() => childrenOf(proxy.pid).length === 2, "the next attempt");
  });

  test("all hold what comes when a pause returns, and let it go together", async () => {
    await using app = startNamedApp("web");
    await using proxy = await startWith(4);
    await proxy.deploy("web", app.address);
    expect((await proxy.runHere("pause", "web", "--max-pause=30s")).code).toBe(0);
    const held = Promise.all(Array.from({ length: 24 }, async () => (await ask(proxy)).text()));
    await waitFor(async () => {
      const { web } = JSON.parse((await proxy.runHere("list", "--json")).stdout);
      return web.held_requests === 24;
    }, "the sum of what all hold");
    expect(app.requestCount).toBe(0);
    expect((await proxy.runHere("resume", "web")).code).toBe(0);
    expect(new Set(await held)).toEqual(new Set(["web"]));
  });

  test("write whole lines, none twice and none lost, however long they are", async () => {
    await using app = startNamedApp("web");
    await using proxy = await startWith(4);
    await proxy.deploy("web", app.address);
    const count = 200;
    const paths = Array.from({ length: count }, (_, i) => `/${i}/${"x".repeat(6_000)}`);
    await Promise.all(paths.map((path) => ask(proxy, path)));
    expect(await proxy.stop()).toBe(0);
    const logged = proxy.logs.filter(({ msg }) => msg === "Request").map(({ path }) => path);
    expect(logged.toSorted()).toEqual(paths.toSorted());
    expect(proxy.output).toBe("");
  });

  test("finish what is under way when the primary dies, and leave nothing behind", async () => {
    const answer = Promise.withResolvers<string>();
    await using app = startApp(async () => new Response(await answer.promise));
    await using proxy = await startWith(2);
    await proxy.deploy("web", app.address);
    const underWay = ask(proxy);
    await waitFor(() => app.requestCount === 1, "the request");
    const workers = childrenOf(proxy.pid);
    process.kill(proxy.pid, "SIGKILL");
    await waitFor(() => !proxy.running, "the end of the primary");
    answer.resolve("in time");
    expect(await (await underWay).text()).toBe("in time");
    await waitFor(() => !workers.some(isAlive), "the end of the workers");
    await proxy.startAgain();
    expect((await ask(proxy)).status).toBe(200);
  });

  test.each([
    ["at once by SIGTERM", "SIGTERM"],
    ["when the time of a stop is over", null],
  ] as const)(
    "without a primary end %s, whatever is under way",
    async (_, signal) => {
      await using app = startApp(() => new Promise(() => {}));
      await using proxy = await startWith(2);
      await proxy.deploy("web", app.address, "--target-timeout=0");
      using client = await connectRaw(proxy.httpPort);
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await waitFor(() => app.requestCount === 1, "the request");
      const workers = childrenOf(proxy.pid);
      process.kill(proxy.pid, "SIGKILL");
      await waitFor(() => !proxy.running, "the end of the primary");
      // They have heard of it when they accept no more.
      await waitFor(
        () =>
          connectRaw(proxy.httpPort).then(
            () => false,
            () => true,
          ),
        "closed ports",
      );
      if (signal !== null) for (const pid of workers) if (isAlive(pid)) process.kill(pid, signal);
      const limitMs = signal === null ? 2 * shutdownTimeoutMs : shutdownTimeoutMs - 2_000;
      await waitFor(() => !workers.some(isAlive), "the end of the workers", limitMs);
    },
    60_000,
  );

  test("are named after the program", async () => {
    await using proxy = await startWith(2);
    for (const pid of proxy.pids) {
      const name = readFileSync(`/proc/${pid}/comm`, "latin1").trim();
      expect(name).toBe("kamal-proxy");
      const line = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim();
      expect(line).toMatch(pid === proxy.pid ? / run / : / worker$/);
    }
  });

  test.each([
    ["in one process", "KAMAL_PROXY_ONE_PROCESS"],
    ["without a C library", noLibcVariable],
  ])("are none %s, which the log says", async (_, variable) => {
    await using app = startNamedApp("web");
    await using proxy = await ProxyProcess.start({ env: { [variable]: "true" } });
    await proxy.deploy("web", app.address);
    expect(await (await ask(proxy)).text()).toBe("web");
    expect(childrenOf(proxy.pid)).toEqual([]);
    await proxy.waitForLog("Serving in one process: no workers, no upgrade in place");
    expect(await readMetrics(proxy)).not.toContain("kamal_proxy_workers");
    expect((await proxy.runHere("upgrade")).stderr).toContain("it can't be upgraded in place");
    expect(await proxy.stop()).toBe(0);
    await proxy.startAgain();
    expect(await (await ask(proxy)).text()).toBe("web");
  });

  test.each([
    ["0", "must be from 1 to 16"],
    ["abc", "invalid syntax"],
    ["999", "must be from 1 to 16"],
  ])("KAMAL_PROXY_WORKERS=%s is refused at the start", async (value, reason) => {
    const child = Bun.spawn([...proxyCommand(), "run"], {
      env: { ...process.env, KAMAL_PROXY_WORKERS: value },
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(await child.exited).toBe(1);
    const said = await child.stderr.text();
    expect(said).toContain(`invalid value "${value}" for KAMAL_PROXY_WORKERS: `);
    expect(said).toContain(reason);
  });

  test("are not started by hand", async () => {
    const child = Bun.spawn([...proxyCommand(), "worker"], { stdout: "pipe", stderr: "pipe" });
    expect(await child.exited).toBe(1);
    expect(await child.stderr.text()).toBe(
      "Error: worker is a part of run, which starts it by itself\n",
    );
  });
});

test("connections that nobody asks anything of do not keep a worker", async () => {
  await using proxy = await startWith(2);
  const idle = await Promise.all(Array.from({ length: 8 }, () => connectRaw(proxy.httpPort)));
  expect(await proxy.stop()).toBe(0);
  for (const connection of idle) connection[Symbol.dispose]();
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
