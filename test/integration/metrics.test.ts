/** The metrics port. */
import { describe, expect, test } from "bun:test";
import { startApp } from "../support/app.ts";
import { ProxyProcess, severalWorkers } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

async function metricsOf(proxy: ProxyProcess): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${proxy.metricsPort}/metrics`)).text();
}

/** Value of each sample of the proxy's own metrics. */
async function samples(proxy: ProxyProcess): Promise<Record<string, number>> {
  const lines = (await metricsOf(proxy)).split("\n").filter((line) => line.startsWith("kamal_"));
  return Object.fromEntries(
    lines.map((line) => {
      const blank = line.lastIndexOf(" ");
      return [line.slice(0, blank), Number(line.slice(blank + 1))];
    }),
  );
}

const total = (method: string, service: string, status: number): string =>
  `kamal_proxy_http_requests_total{method="${method}",service="${service}",status="${status}"}`;
const inFlight = 'kamal_proxy_http_in_flight_requests{service="web"}';

async function send(proxy: ProxyProcess, line: string, host = "web"): Promise<void> {
  using client = await connectRaw(proxy.httpPort);
  client.send(`${line} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await readResponse(client, line.split(" ")[0]);
}

describe("the metrics", () => {
  test("count requests by method, service and status", async () => {
    using app = startScriptedApp(({ startLine }) =>
      startLine.includes("/missing") ? "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" : ok,
    );
    await using proxy = await ProxyProcess.start({ env: severalWorkers });
    await proxy.deploy("web", app.address, "--host=web");
    for (const line of ["GET /", "GET /2", "GET /missing", "POST /", "HEAD /", "BREW /tea"]) {
      await send(proxy, line);
    }
    await send(proxy, "GET /", "nobody");
    await waitFor(async () => (await samples(proxy))[total("GET", "", 404)] === 1, "the last one");
    const counts = await samples(proxy);
    expect(Object.entries(counts).filter(([name]) => name.includes("requests_total"))).toEqual(
      expect.arrayContaining([
        [total("GET", "web", 200), 2],
        [total("GET", "web", 404), 1],
        [total("POST", "web", 200), 1],
        [total("HEAD", "web", 200), 1],
        [total("OTHER", "web", 200), 1],
        [total("GET", "", 404), 1],
      ]),
    );
    expect(counts[inFlight]).toBe(0);
  });

  test("hold a histogram of durations with kamal-proxy's bounds", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({ env: severalWorkers });
    await proxy.deploy("web", app.address, "--host=web");
    await send(proxy, "GET /");
    const name = "kamal_proxy_http_request_duration_seconds";
    const labels = 'method="GET",service="web",status="200"';
    await waitFor(async () => (await samples(proxy))[`${name}_count{${labels}}`] === 1, "a count");
    const counts = await samples(proxy);
    const bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10"];
    let last = 0;
    for (const bound of [...bounds, "+Inf"]) {
      const count = counts[`${name}_bucket{${labels},le="${bound}"}`]!;
      expect(count).toBeGreaterThanOrEqual(last);
      last = count;
    }
    expect(last).toBe(1);
    expect(counts[`${name}_sum{${labels}}`]).toBeGreaterThan(0);
  });

  test("show requests in flight, held ones and tunnels too", async () => {
    const release = Promise.withResolvers<void>();
    using app = startScriptedApp(async ({ startLine }, connection) => {
      if (startLine.includes("/tunnel")) {
        connection.send(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        );
        return await new Promise(() => {});
      }
      await release.promise;
      return ok;
    });
    await using proxy = await ProxyProcess.start({ env: severalWorkers });
    await proxy.deploy("web", app.address, "--host=web");
    const inFlightIs = (count: number): Promise<unknown> =>
      waitFor(async () => (await samples(proxy))[inFlight] === count, `${count} in flight`);
    using waiting = await connectRaw(proxy.httpPort);
    waiting.send("GET /slow HTTP/1.1\r\nHost: web\r\n\r\n");
    await inFlightIs(1);
    using tunnel = await connectRaw(proxy.httpPort);
    tunnel.send("GET /tunnel HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    await readResponse(tunnel);
    await inFlightIs(2);
    release.resolve();
    await readResponse(waiting);
    tunnel.reset();
    await inFlightIs(0);
    await proxy.runHere("pause", "web");
    using held = await connectRaw(proxy.httpPort);
    held.send("GET /held HTTP/1.1\r\nHost: web\r\n\r\n");
    await inFlightIs(1);
    await proxy.runHere("resume", "web");
    expect((await readResponse(held)).status).toBe(200);
    await inFlightIs(0);
  });

  test("leave excluded paths out, as the target sees them; the log does not", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({ env: severalWorkers });
    const flags = ["--host=web", "--path-prefix=/pre", "--exclude-metrics-path=/health"];
    await proxy.deploy("web", app.address, ...flags);
    for (const path of ["/pre/health", "/pre/health?x", "/pre/healthy", "/pre/health/x"]) {
      await send(proxy, `GET ${path}`);
    }
    await waitFor(async () => (await samples(proxy))[total("GET", "web", 200)] === 2, "the counts");
    await proxy.stop();
    expect(proxy.logs.filter((line) => line["msg"] === "Request")).toHaveLength(4);
  });

  test("do not grow with what clients invent", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({ env: severalWorkers });
    await proxy.deploy("web", app.address, "--host=web");
    const names = async (): Promise<string[]> => Object.keys(await samples(proxy));
    await send(proxy, "ODD0 /");
    await send(proxy, "ODD0 /", "host0");
    await waitFor(async () => (await names()).includes(total("OTHER", "", 404)), "the first ones");
    const before = await names();
    for (let i = 1; i <= 5; i++) {
      await send(proxy, `ODD${i} /${i}`);
      await send(proxy, `ODD${i} /${i}`, `host${i}`);
    }
    await waitFor(async () => (await samples(proxy))[total("OTHER", "", 404)] === 6, "the others");
    expect(await names()).toEqual(before);
  });

  test("are text of version 0.0.4 on any path", async () => {
    await using proxy = await ProxyProcess.start({ env: severalWorkers });
    for (const path of ["/", "/metrics", "/any/path"]) {
      const response = await fetch(`http://127.0.0.1:${proxy.metricsPort}${path}`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
      await response.text();
    }
  });

  test("tell of the health of each target", async () => {
    await using app = startApp(() => new Response("ok"));
    await using other = startApp(() => new Response("ok"));
    await using proxy = await ProxyProcess.start();
    const targets = `${app.address},${other.address}`;
    await proxy.deploy("web", targets, "--health-check-interval=50ms");
    const health = async (target: string): Promise<number | undefined> => {
      const labels = `rollout="false",service="web",target="${target}"`;
      return (await samples(proxy))[`kamal_proxy_target_healthy{${labels}}`];
    };
    expect([await health(app.address), await health(other.address)]).toEqual([1, 1]);
    other.healthy = false;
    await waitFor(async () => (await health(other.address)) === 0, "the target to be unhealthy");
    expect(await health(app.address)).toBe(1);
  });
});
