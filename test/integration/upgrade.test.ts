/** Another executable in the place of the running proxy: nobody notices, or nothing has changed. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { handoverVariable } from "../../src/engine-environment.ts";
import { startApp } from "../support/app.ts";
import { startNamedApp } from "../support/named-app.ts";
import { waitForInFlight, readMetric } from "../support/proxy-metrics.ts";
import { proxyPool } from "../support/proxy-pool.ts";
import {
  type CommandResult,
  ProxyProcess,
  proxyCommand,
  severalWorkers,
  startsOnceMore,
} from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { startSteadyLoad } from "../support/steady-load.ts";
import { waitFor } from "../support/wait-for.ts";
import { childrenOf, threadsThatTake } from "../support/worker-processes.ts";

/** The workers that serve now are others than those. */
async function replaced(proxy: ProxyProcess, workers: readonly number[]): Promise<void> {
  await waitFor(
    () => !childrenOf(proxy.pid).some((pid) => workers.includes(pid)),
    "the end of the replaced workers",
  );
}

describe("upgrade", () => {
  test("again and again under load fails no request and leaves nothing behind", async () => {
    await using app = startNamedApp("web");
    await using proxy = await ProxyProcess.start({ env: severalWorkers });
    await proxy.deploy("web", app.address);
    await using load = startSteadyLoad({
      port: proxy.httpPort,
      host: "web",
      accepts: (body) => body === "web",
    });
    const { pid } = proxy;
    let descriptors = 0;
    for (let round = 1; round <= 4; round++) {
      const workers = childrenOf(pid);
      const before = load.answered;
      const upgraded = await proxy.run("upgrade");
      expect(upgraded).toMatchObject({ code: 0, stderr: "" });
      expect(upgraded.stdout).toMatch(
        /^Upgraded from (\S+) to \1, which serves with 2 workers\.$/m,
      );
      await waitFor(() => load.answered > before, "answers of the new ones");
      await replaced(proxy, workers);
      expect(childrenOf(pid)).toHaveLength(2);
      const own = proxy.descriptors().length;
      if (round === 2) descriptors = own;
    }
    await load.stop();
    expect(load.failures).toEqual([]);
    await waitFor(() => proxy.descriptors().length <= descriptors + 4, "no more descriptors");
    expect(proxy.pid).toBe(pid);
    expect(proxy.running).toBe(true);
    const counted = { service: "web", status: "200", method: "GET" };
    const posted = { ...counted, method: "POST" };
    const name = "kamal_proxy_http_requests_total";
    const sum = (await readMetric(proxy, name, counted)) + (await readMetric(proxy, name, posted));
    expect(sum).toBe(load.answered);
    expect(await proxy.stop()).toBe(0);
    expect(proxy.logs.filter(({ msg }) => msg === "Request")).toHaveLength(load.answered);
  }, 120_000);

  test("by SIGHUP takes the file that the proxy was started from", async () => {
    await using app = startNamedApp("web");
    await using proxy = await ProxyProcess.start({ env: severalWorkers });
    await proxy.deploy("web", app.address);
    const workers = childrenOf(proxy.pid);
    process.kill(proxy.pid, "SIGHUP");
    await proxy.waitForLog("Upgraded");
    await replaced(proxy, workers);
    expect(await (await fetch(proxy.url)).text()).toBe("web");
  });

  /** It has just been executed in the place of the one before. */
  async function tookOver(proxy: ProxyProcess): Promise<void> {
    const variables = `/proc/${proxy.pid}/environ`;
    await waitFor(
      () => readFileSync(variables, "latin1").includes(handoverVariable),
      "the next one",
    );
  }

  test.each([
    ["before", (proxy: ProxyProcess) => proxy.waitForLog("Upgrading")],
    ["after", tookOver],
  ])("loses no signal that comes right %s the change", async (_, moment) => {
    await using app = startNamedApp("web");
    await using proxy = await ProxyProcess.start({ env: startsOnceMore });
    await proxy.deploy("web", app.address);
    process.kill(proxy.pid, "SIGHUP");
    await moment(proxy);
    expect(await proxy.stop()).toBe(0);
    expect(proxy.logs.at(-1)).toMatchObject({ msg: "Server stopped" });
  });

  test("finds signals held back in all threads but the one that takes them", async () => {
    await using app = startNamedApp("web");
    await using proxy = await ProxyProcess.start({ env: startsOnceMore });
    for (let round = 0; round < 2; round++) {
      // What the engine starts threads for: files, timers, the collection of garbage.
      await proxy.deploy("web", app.address);
      await waitFor(() => {
        // The main thread takes them while it waits for events, and only then.
        const others = threadsThatTake(proxy.pid, "SIGTERM").filter((id) => id !== proxy.pid);
        return others.length === 1;
      }, "one thread that takes signals");
      expect((await proxy.run("upgrade")).code).toBe(0);
    }
  });

  test("is done again when the file changes in its middle", async () => {
    await using proxy = await ProxyProcess.start();
    process.kill(proxy.pid, "SIGHUP");
    await tookOver(proxy);
    process.kill(proxy.pid, "SIGHUP");
    await waitFor(() => proxy.logs.filter(({ msg }) => msg === "Upgraded").length === 2, "both");
  });

  test("keeps what is under way: a slow answer, an upload, a tunnel", async () => {
    const answer = Promise.withResolvers<string>();
    using app = startScriptedApp(async ({ startLine }, connection) => {
      if (startLine.includes("/tunnel")) {
        connection.send(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n",
        );
        for (;;) connection.send(`echo ${await connection.receive("\n")}`);
      }
      if (!startLine.includes("/slow")) return ok;
      await answer.promise;
      return "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow";
    });
    await using proxy = await ProxyProcess.start({ env: severalWorkers });
    await proxy.deploy("web", app.address);
    using slow = await connectRaw(proxy.httpPort);
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    using tunnel = await connectRaw(proxy.httpPort);
    tunnel.send("GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n");
    expect((await readResponse(tunnel)).status).toBe(101);
    using upload = await connectRaw(proxy.httpPort);
    upload.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst");
    await waitForInFlight(proxy, "web", 3);
    const workers = childrenOf(proxy.pid);

    expect((await proxy.run("upgrade")).code).toBe(0);
    const listed = await proxy.runHere("list");
    expect(listed.stderr).toMatch(/a replaced worker still has \d connections/);
    upload.send(" last");
    expect((await readResponse(upload)).status).toBe(200);
    answer.resolve("");
    expect((await readResponse(slow)).body.toString()).toBe("slow");
    tunnel.send("hello\n");
    expect(await tunnel.receive("\n")).toContain("echo hello");
    expect(childrenOf(proxy.pid).some((pid) => workers.includes(pid))).toBe(true);
    tunnel.reset();
    await replaced(proxy, workers);
  });

  test("ends tunnels of replaced workers when their time is over", async () => {
    using app = startScriptedApp((_request, connection) => {
      connection.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n",
      );
      return new Promise(() => {});
    });
    await using proxy = await ProxyProcess.start({ env: { KAMAL_PROXY_FINISH_TIMEOUT: "300ms" } });
    await proxy.deploy("web", app.address);
    using tunnel = await connectRaw(proxy.httpPort);
    tunnel.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n");
    expect((await readResponse(tunnel)).status).toBe(101);
    const workers = childrenOf(proxy.pid);
    expect((await proxy.run("upgrade")).code).toBe(0);
    await tunnel.receiveAll();
    await replaced(proxy, workers);
  });

  test("keeps pauses and held requests, which a later resume lets go", async () => {
    await using app = startNamedApp("web");
    await using proxy = await ProxyProcess.start({ env: severalWorkers });
    await proxy.deploy("web", app.address);
    expect((await proxy.runHere("pause", "web", "--max-pause=30s")).code).toBe(0);
    const before = fetch(proxy.url);
    const held = async (): Promise<number> =>
      JSON.parse((await proxy.runHere("list", "--json")).stdout).web.held_requests;
    await waitFor(async () => (await held()) === 1, "the held request");
    expect((await proxy.run("upgrade")).code).toBe(0);
    const after = fetch(proxy.url);
    await waitFor(async () => (await held()) === 2, "both held requests");
    expect((await proxy.runHere("resume", "web")).code).toBe(0);
    expect(await (await before).text()).toBe("web");
    expect(await (await after).text()).toBe("web");
  });

  test("lets a deploy that waits finish first, and a later one wait for the new proxy", async () => {
    using app = startScriptedApp();
    app.healthAnswer = "HTTP/1.1 503 Not Yet\r\nContent-Length: 0\r\n\r\n";
    await using other = startNamedApp("other");
    await using proxy = await ProxyProcess.start();
    const waiting = proxy.runHere("deploy", "web", `--target=${app.address}`, "--host=web");
    await waitFor(() => app.probeCount > 0, "the first health check");
    const upgraded = proxy.run("upgrade");
    await proxy.waitForLog("Upgrading");
    const later = proxy.runHere("deploy", "other", `--target=${other.address}`, "--host=other");
    app.healthAnswer = ok;
    expect(await waiting).toMatchObject({ code: 0 });
    expect(await upgraded).toMatchObject({ code: 0 });
    expect(await later).toMatchObject({ code: 0 });
    await proxy.waitForLog(({ msg, service }) => msg === "Deployed" && service === "other");
    const deploys = proxy.logs.filter(({ msg }) => msg === "Deployed");
    expect(deploys.map(({ service }) => service)).toEqual(["web", "other"]);
  });

  test("keeps the health of targets, and drains those of before with a deploy", async () => {
    const answer = Promise.withResolvers<string>();
    await using old = startApp(async (request) => {
      const isSlow = new URL(request.url).pathname === "/slow";
      return new Response(isSlow ? await answer.promise : "old");
    });
    await using next = startNamedApp("next");
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", old.address);
    const underWay = fetch(`${proxy.url}/slow`);
    await waitForInFlight(proxy, "web", 1);
    expect((await proxy.run("upgrade")).code).toBe(0);
    const deploying = proxy.runHere("deploy", "web", `--target=${next.address}`);
    await waitFor(async () => (await (await fetch(proxy.url)).text()) === "next", "the switch");
    answer.resolve("slow");
    expect(await (await underWay).text()).toBe("slow");
    expect((await deploying).code).toBe(0);
  });
});

describe("an upgrade that can't be", () => {
  const proxies = proxyPool();

  test.each([
    ["a file that is not there", () => {}, "does not exist"],
    ["a text", (path: string) => writeFileSync(path, "hello\n"), "can't be run: permission denied"],
    [
      "a text that may be executed",
      (path: string) => {
        writeFileSync(path, "hello\n");
        chmodSync(path, 0o755);
      },
      "can't be run: it is no executable for this machine",
    ],
    [
      "another program",
      (path: string) => copyFileSync("/bin/true", path),
      "is no kamal-proxy that can take over",
    ],
    [
      "a part of an executable",
      (path: string) => {
        copyFileSync(proxyCommand()[0]!, path);
        truncateSync(path, 3_000_000);
      },
      "can't",
    ],
    [
      "another machine's executable",
      (path: string) => {
        // An ELF file for s390.
        const head = Buffer.alloc(64);
        head.write("\x7fELF\x02\x02\x01", "latin1");
        head.writeUInt16BE(2, 16);
        head.writeUInt16BE(22, 18);
        writeFileSync(path, head, { mode: 0o755 });
      },
      "can't be run: it is no executable for this machine",
    ],
  ])("because of %s says so in one sentence and changes nothing", async (_, make, reason) => {
    await using proxy = await proxies.borrow();
    const path = join(proxy.home, "next");
    make(path);
    const workers = childrenOf(proxy.pid);
    const result = await proxy.run("upgrade", path);
    expect(result.code).toBe(1);
    expect(result.stderr).toStartWith(`Error: ${path} `);
    expect(result.stderr).toContain(reason);
    expect(result.stderr.trim().split("\n")).toHaveLength(1);
    expect(childrenOf(proxy.pid)).toEqual(workers);
    expect((await fetch(proxy.url)).status).toBe(404);
    expect((await proxy.runHere("list")).code).toBe(0);
  });

  test("because there is no proxy says so", async () => {
    await using proxy = await ProxyProcess.start();
    await proxy.stop();
    const result = await proxy.run("upgrade");
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("no such file or directory");
  });

  test("because there are no workers says so, also for SIGHUP", async () => {
    await using proxy = await ProxyProcess.start({ env: { KAMAL_PROXY_ONE_PROCESS: "true" } });
    const error = "the proxy runs in one process: it can't be upgraded in place";
    expect((await proxy.run("upgrade")).stderr).toBe(`Error: ${error}\n`);
    process.kill(proxy.pid, "SIGHUP");
    expect(await proxy.waitForLog("Unable to upgrade")).toMatchObject({ error });
    expect((await fetch(proxy.url)).status).toBe(404);
  });
});

describe("an upgrade by standard input", () => {
  /** By a redirection or a pipe of the shell. */
  async function upgradeFrom(
    proxy: ProxyProcess,
    path: string,
    way: "<" | "|" = "|",
  ): Promise<CommandResult> {
    const script = `file=$1; shift; ${way === "|" ? 'cat "$file" | "$@"' : '"$@" < "$file"'}`;
    const child = Bun.spawn(["sh", "-c", script, "sh", path, ...proxyCommand(), "upgrade", "-"], {
      cwd: proxy.home,
      env: proxy.env,
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    return { code, stdout, stderr };
  }

  const kept = (proxy: ProxyProcess): string[] =>
    readdirSync(dirname(proxy.statePath)).filter((name) => name.includes("upgrade"));

  test.each([
    ["a file", "<"],
    ["a pipe", "|"],
  ] as const)("takes %s, and keeps it beside the state", async (_, way) => {
    await using proxy = await ProxyProcess.start();
    const workers = childrenOf(proxy.pid);
    const result = await upgradeFrom(proxy, proxyCommand()[0]!, way);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toStartWith("Upgraded from ");
    await replaced(proxy, workers);
    expect((await fetch(proxy.url)).status).toBe(404);
    expect(kept(proxy)).toEqual(["kamal-proxy-upgrade"]);

    // What does not work does not take the place of what does.
    const path = join(proxy.home, "text");
    writeFileSync(path, "hello\n");
    const text = await upgradeFrom(proxy, path);
    expect(text.code).toBe(1);
    expect(text.stderr).toEndWith(
      "kamal-proxy-upgrade can't be run: it is no executable for this machine\n",
    );
    expect(kept(proxy)).toEqual(["kamal-proxy-upgrade"]);
    expect((await proxy.run("upgrade")).code).toBe(0);
  });

  test("that can't be leaves no file behind", async () => {
    await using proxy = await ProxyProcess.start();
    expect((await upgradeFrom(proxy, "/dev/null")).code).toBe(1);
    expect(kept(proxy)).toEqual([]);
  });
});
