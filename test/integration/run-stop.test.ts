/** Stopping the proxy: requests under way finish, nothing else holds it up. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { ignoredSignals } from "../../src/lib/ignored-signals.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** The proxy takes no more commands: the signal has arrived. */
async function stopBegan(proxy: ProxyProcess): Promise<void> {
  await waitFor(() => !existsSync(proxy.socketPath), "the control socket to be gone");
}

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  test("lets the request under way finish, then ends with exit code 0", async () => {
    const release = Promise.withResolvers<void>();
    using app = startScriptedApp(async () => {
      await release.promise;
      return "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
    });
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", app.address);
    using client = await connectRaw(proxy.httpPort);
    client.send(get);
    await waitFor(() => app.requests.length === 1, "the request at the app");

    const stopped = proxy.stop(signal);
    await stopBegan(proxy);
    expect(existsSync(proxy.socketPath)).toBe(false);
    expect(proxy.running).toBe(true);
    release.resolve();
    const response = await readResponse(client);
    expect(response.body.toString()).toBe("done");
    expect(valuesOf(response, "connection")).toEqual(["close"]);
    expect(await stopped).toBe(0);
    expect(proxy.logs.map((line) => line["msg"]).slice(-2)).toEqual(["Request", "Server stopped"]);
  });
});

test("signals that mean nothing here end nothing", async () => {
  using app = startScriptedApp();
  await using proxy = await ProxyProcess.start();
  await proxy.deploy("web", app.address);
  for (const signal of ignoredSignals) {
    process.kill(proxy.pid, signal);
    using client = await connectRaw(proxy.httpPort);
    expect([signal, (await readResponse(client.send(get))).status]).toEqual([signal, 200]);
  }
  expect(await proxy.stop()).toBe(0);
});

describe("a stop", () => {
  test("is not held up by idle connections", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", app.address);
    using silent = await connectRaw(proxy.httpPort);
    using kept = await connectRaw(proxy.httpPort);
    kept.send(get);
    await readResponse(kept);
    expect(await proxy.stop()).toBe(0);
    expect((await kept.receiveAll()).length).toBe(0);
    expect((await silent.receiveAll()).length).toBe(0);
    expect(proxy.logs.map((line) => line["msg"])).not.toContain("Closing active connections");
    expect(proxy.logs.at(-1)).toMatchObject({ level: "INFO", msg: "Server stopped" });
  });

  test("goes on accepting while requests are under way, and says that connections end", async () => {
    const release = Promise.withResolvers<void>();
    using app = startScriptedApp(async ({ startLine }) => {
      if (startLine.includes("/slow")) await release.promise;
      return ok;
    });
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", app.address);
    using slow = await connectRaw(proxy.httpPort);
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    await waitFor(() => app.requests.length === 1, "the request at the app");
    const stopped = proxy.stop();
    await stopBegan(proxy);
    using late = await connectRaw(proxy.httpPort);
    const answer = await readResponse(late.send(get));
    expect(answer.status).toBe(200);
    expect(valuesOf(answer, "connection")).toEqual(["close"]);
    await late.receiveAll();
    release.resolve();
    expect((await readResponse(slow)).status).toBe(200);
    expect(await stopped).toBe(0);
  });

  test("closes the ports after a while, whatever is under way, and cuts that later", async () => {
    using app = startScriptedApp(() => null);
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", app.address, "--target-timeout=0");
    using client = await connectRaw(proxy.httpPort);
    client.send(get);
    await waitFor(() => app.requests.length === 1, "the request at the app");
    const stopped = proxy.stop();
    const isClosed = async (): Promise<boolean> => {
      try {
        (await connectRaw(proxy.httpPort))[Symbol.dispose]();
        return false;
      } catch {
        return true;
      }
    };
    await waitFor(isClosed, "closed ports");
    expect(client.peerEnded).toBe(false);
    expect(await stopped).toBe(0);
    expect(proxy.logs.map((line) => line["msg"])).toContain("Closing active connections");
  });

  test("is not held up by tunnels: they end", async () => {
    using app = startScriptedApp((_request, connection) => {
      connection.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n",
      );
      return new Promise(() => {});
    });
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", app.address);
    using client = await connectRaw(proxy.httpPort);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n");
    expect((await readResponse(client)).status).toBe(101);
    expect(await proxy.stop()).toBe(0);
    await client.receiveAll();
    expect(proxy.logs.map((line) => line["msg"])).not.toContain("Closing active connections");
    expect(proxy.logs.filter((line) => line["status"] === 101)).toHaveLength(1);
    expect(proxy.logs.at(-1)).toMatchObject({ msg: "Server stopped" });
  });

  test("is cut short by a second signal", async () => {
    using app = startScriptedApp(() => null);
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", app.address, "--target-timeout=0");
    using client = await connectRaw(proxy.httpPort);
    client.send(get);
    await waitFor(() => app.requests.length === 1, "the request at the app");
    const stopped = proxy.stop("SIGTERM");
    await stopBegan(proxy);
    process.kill(proxy.pid, "SIGINT");
    expect(await stopped).toBe(0);
    expect((await client.receiveAll()).toString()).not.toContain("HTTP/1.1 200");
    expect(proxy.logs.map((line) => line["msg"])).not.toContain("Closing active connections");
    expect(proxy.logs.at(-1)).toMatchObject({ msg: "Server stopped" });
  });

  test("refuses a deploy that still waits, and saves nothing of it", async () => {
    using app = startScriptedApp();
    app.healthAnswer = "HTTP/1.1 503 Not Yet\r\nContent-Length: 0\r\n\r\n";
    await using proxy = await ProxyProcess.start();
    const deploy = proxy.run("deploy", "web", `--target=${app.address}`);
    await waitFor(() => app.probeCount > 0, "the first health check");
    expect(await proxy.stop()).toBe(0);
    const result = await deploy;
    expect(result.code).toBe(1);
    expect(result.stderr).toStartWith("Error: ");
    expect(existsSync(proxy.statePath)).toBe(false);
  });

  test("removes the socket, and commands say so", async () => {
    await using proxy = await ProxyProcess.start();
    expect(await proxy.stop()).toBe(0);
    expect(existsSync(proxy.socketPath)).toBe(false);
    const result = await proxy.run("list");
    expect(result).toEqual({
      code: 1,
      stdout: "",
      stderr: `Error: dial unix ${proxy.socketPath}: connect: no such file or directory\n`,
    });
  });

  test("and a start keep what was deployed", async () => {
    using app = startScriptedApp(() => ok);
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", app.address);
    expect(await proxy.stop()).toBe(0);
    await proxy.startAgain();
    expect(await (await fetch(proxy.url)).text()).toBe("ok");
  });
});
