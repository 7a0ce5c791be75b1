/** What goes on while the executable is replaced, or a worker dies: protocol by protocol, command by command. */
import { describe, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { AcmeSite } from "../support/acme-site.ts";
import { startApp } from "../support/app.ts";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { commandOutput } from "../support/command-output.ts";
import { buildVersion } from "../support/checkout-copy.ts";
import { Http2Connection } from "../support/http2-connection.ts";
import { frameTypes, headersFrame } from "../support/http2-frames.ts";
import { getOnce } from "../support/https-client.ts";
import { startNamedApp } from "../support/named-app.ts";
import { findPebble } from "../support/pebble.ts";
import { waitForInFlight } from "../support/proxy-metrics.ts";
import { ProxyProcess, proxyCommand } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { startSteadyLoad } from "../support/steady-load.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import { childrenOf } from "../support/worker-processes.ts";

const timeoutMs = 120_000;
const name = "app.test";
const MB = 1024 * 1024;

async function upgrade(proxy: ProxyProcess): Promise<void> {
  expect(await proxy.run("upgrade")).toMatchObject({ code: 0, stderr: "" });
}

/** The workers that serve now are others than those. */
async function killWorkers(proxy: ProxyProcess): Promise<void> {
  const workers = childrenOf(proxy.pid);
  for (const pid of workers) process.kill(pid, "SIGKILL");
  await waitFor(() => {
    const now = childrenOf(proxy.pid);
    return now.length === workers.length && !now.some((pid) => workers.includes(pid));
  }, "their successors");
}

async function deployWithTls(
  proxy: ProxyProcess,
  target: string,
  ...more: string[]
): Promise<void> {
  const leaf = createCertificate([name]);
  const flags = saveCertificate(join(proxy.home, "leaf"), leaf);
  await proxy.deploy("web", target, `--host=${name}`, ...flags, ...more);
}

function get(path: string): [string, string][] {
  return [
    [":method", "GET"],
    [":scheme", "https"],
    [":authority", name],
    [":path", path],
  ];
}

/** Sends so many bytes, held up in the middle until `middle` resolves; resolves to what the app says of them. */
async function upload(port: number, bytes: number, middle: () => Promise<void>): Promise<string> {
  const sending = httpRequest({
    port,
    method: "POST",
    headers: { host: name, "content-length": bytes },
  });
  const answer = new Promise<string>((resolve, reject) => {
    sending.on("error", reject);
    sending.on("response", async (response) => {
      resolve((await Array.fromAsync(response)).join(""));
    });
  });
  const piece = Buffer.alloc(MB, "x");
  for (let sent = 0; sent < bytes; sent += piece.length) {
    if (sent === bytes / 2) await middle();
    if (!sending.write(piece)) await new Promise((resolve) => sending.once("drain", resolve));
  }
  sending.end();
  return await answer;
}

describe("an upgrade", () => {
  test(
    "in the middle of an upload of 200 MB keeps it",
    async () => {
      await using app = startApp(async (request) => {
        let received = 0;
        for await (const chunk of request.body!) received += chunk.length;
        return new Response(String(received));
      });
      await using proxy = await ProxyProcess.start();
      await proxy.deploy("web", app.address);
      const size = 200 * MB;
      expect(await upload(proxy.httpPort, size, () => upgrade(proxy))).toBe(String(size));
    },
    timeoutMs,
  );

  test(
    "keeps a stream of HTTP/2, whose client is told to come on another connection",
    async () => {
      const answer = Promise.withResolvers<string>();
      await using app = startApp(async (request) => {
        return new Response(new URL(request.url).pathname === "/slow" ? await answer.promise : "");
      });
      await using proxy = await ProxyProcess.start();
      await deployWithTls(proxy, app.address);
      using client = await Http2Connection.open(proxy.httpsPort, [], name);
      client.send(headersFrame(1, get("/slow")));
      await waitForInFlight(proxy, "web", 1);
      await upgrade(proxy);
      await waitFor(
        () => client.frames.some(({ type }) => type === frameTypes.goAway),
        "the GOAWAY of the replaced worker",
      );
      answer.resolve("slow");
      expect(await client.ended(1)).toBe("ended");
      expect(client.body(1).toString()).toBe("slow");
      expect((await getOnce(proxy.httpsPort, name)).status).toBe(200);
    },
    timeoutMs,
  );

  test(
    "under new TLS connections all the time refuses none",
    async () => {
      await using app = startApp(() => new Response("web"));
      await using proxy = await ProxyProcess.start({ env: { KAMAL_PROXY_WORKERS: "2" } });
      await deployWithTls(proxy, app.address);
      const ending = new AbortController();
      let answered = 0;
      const failures: string[] = [];
      const clients = Array.from({ length: 4 }, async () => {
        while (!ending.signal.aborted) {
          try {
            const { status, body } = await getOnce(proxy.httpsPort, name);
            if (status !== 200 || body.toString() !== "web") throw new Error(`status ${status}`);
            answered += 1;
          } catch (error) {
            failures.push(String(error));
          }
        }
      });
      for (let round = 0; round < 2; round++) {
        const before = answered;
        await upgrade(proxy);
        await waitFor(() => answered > before + 8, "answers of the new ones");
      }
      ending.abort();
      await Promise.all(clients);
      expect(failures).toEqual([]);
    },
    timeoutMs,
  );

  test(
    "answers who has connected before it and asks late",
    async () => {
      await using app = startApp(() => new Response("web"));
      await using proxy = await ProxyProcess.start({ env: { KAMAL_PROXY_WORKERS: "1" } });
      await deployWithTls(proxy, app.address, "--tls-redirect=false");
      using plain = await connectRaw(proxy.httpPort);
      const tls = { serverName: name, rejectUnauthorized: false };
      using encrypted = await connectRaw(proxy.httpsPort, { tls });
      using served = await connectRaw(proxy.httpPort);
      const request = `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`;
      expect((await readResponse(served.send(request))).status).toBe(200);
      await upgrade(proxy);
      // Its time is over.
      await served.receiveAll();
      for (const late of [plain, encrypted]) {
        const answer = await readResponse(late.send(request));
        expect([answer.status, valuesOf(answer, "connection")]).toEqual([200, ["close"]]);
      }
    },
    timeoutMs,
  );

  test(
    "goes on with HTTP/3: clients connect anew",
    async () => {
      await using app = startApp(() => new Response("web"));
      await using proxy = await ProxyProcess.start({ args: ["--http3"] });
      const leaf = createCertificate(["localhost"]);
      const flags = saveCertificate(join(proxy.home, "leaf"), leaf);
      await proxy.deploy("web", app.address, "--host=localhost", ...flags);
      // A client of its own each time: one that has a connection learns by its timeout alone that a worker was killed.
      const program = `
        const response = await fetch("https://localhost:${proxy.httpsPort}/", {
          protocol: "http3",
          tls: { rejectUnauthorized: false },
          signal: AbortSignal.timeout(5_000),
        });
        process.stdout.write(await response.text());`;
      const ask = (): Promise<string> =>
        waitFor(
          () => commandOutput([process.execPath, "--eval", program], process.env),
          "an answer over HTTP/3",
        );
      expect(await ask()).toBe("web");
      const workers = childrenOf(proxy.pid);
      await upgrade(proxy);
      expect(await ask()).toBe("web");
      await waitFor(
        () => !childrenOf(proxy.pid).some((pid) => workers.includes(pid)),
        "the end of the replaced workers",
      );
      await killWorkers(proxy);
      expect(await ask()).toBe("web");
    },
    timeoutMs,
  );

  test(
    "to a newer version goes back to the older one",
    async () => {
      using folder = tempFolder();
      const newer = await buildVersion(folder.file("newer"), "99.0.0");
      await using app = startNamedApp("web");
      await using proxy = await ProxyProcess.start();
      await proxy.deploy("web", app.address);
      await using load = startSteadyLoad({
        port: proxy.httpPort,
        host: "web",
        accepts: (body) => body === "web",
      });
      const { stdout: version } = await proxy.run("version");
      const older = version.trim();
      const there = await proxy.run("upgrade", newer);
      expect(there.stdout).toStartWith(`Upgraded from ${older} to 99.0.0, `);
      const executable = readlinkSync(`/proc/${proxy.pid}/exe`);
      expect(executable).toBe(newer);
      const back = await proxy.run("upgrade", proxyCommand()[0]!);
      expect(back.stdout).toStartWith(`Upgraded from 99.0.0 to ${older}, `);
      expect((await proxy.runHere("pause", "web")).code).toBe(0);
      expect((await proxy.runHere("resume", "web")).code).toBe(0);
      await load.stop();
      expect(load.failures).toEqual([]);
      expect(await proxy.stop()).toBe(0);
      await proxy.startAgain();
      expect(await (await fetch(proxy.url)).text()).toBe("web");
    },
    timeoutMs,
  );
});

describe("the death of all workers", () => {
  test(
    "during a deploy does not keep it from being served",
    async () => {
      using app = startScriptedApp();
      app.healthAnswer = "HTTP/1.1 503 Not Yet\r\nContent-Length: 0\r\n\r\n";
      await using proxy = await ProxyProcess.start();
      const deploying = proxy.runHere("deploy", "web", `--target=${app.address}`);
      await waitFor(() => app.probeCount > 0, "the first health check");
      await killWorkers(proxy);
      app.healthAnswer = ok;
      expect(await deploying).toMatchObject({ code: 0 });
      expect(await (await fetch(proxy.url)).text()).toBe("ok");
    },
    timeoutMs,
  );

  test(
    "during a pause leaves it paused",
    async () => {
      await using app = startApp(() => new Response("web"));
      await using proxy = await ProxyProcess.start();
      await proxy.deploy("web", app.address);
      expect((await proxy.runHere("pause", "web", "--max-pause=60s")).code).toBe(0);
      await killWorkers(proxy);
      const held = fetch(proxy.url);
      await waitFor(async () => {
        const { web } = JSON.parse((await proxy.runHere("list", "--json")).stdout);
        return web.held_requests === 1;
      }, "the held request");
      expect((await proxy.runHere("resume", "web")).code).toBe(0);
      expect(await (await held).text()).toBe("web");
    },
    timeoutMs,
  );

  test(
    "cuts an upload, a tunnel and a stream of HTTP/2, and nothing else",
    async () => {
      using app = startScriptedApp(({ startLine }, connection) => {
        if (!startLine.includes("/tunnel")) return startLine.includes("/slow") ? null : ok;
        connection.send(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n",
        );
        return new Promise(() => {});
      });
      await using proxy = await ProxyProcess.start();
      await deployWithTls(proxy, app.address);
      using client = await Http2Connection.open(proxy.httpsPort, [], name);
      client.send(headersFrame(1, get("/slow")));
      const tls = { serverName: name, rejectUnauthorized: false };
      using tunnel = await connectRaw(proxy.httpsPort, { tls });
      tunnel.send(
        `GET /tunnel HTTP/1.1\r\nHost: ${name}\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n`,
      );
      expect((await readResponse(tunnel)).status).toBe(101);
      using sending = await connectRaw(proxy.httpsPort, { tls });
      sending.send(`POST / HTTP/1.1\r\nHost: ${name}\r\nContent-Length: 10\r\n\r\nfirst`);
      await waitForInFlight(proxy, "web", 3);
      await killWorkers(proxy);
      await waitFor(() => client.outcome(1) === "closed", "the end of the connection");
      await tunnel.receiveAll();
      expect((await sending.receiveAll()).length).toBe(0);
      expect((await getOnce(proxy.httpsPort, name)).status).toBe(200);
    },
    timeoutMs,
  );
});

const binaries = await findPebble();

describe.each([
  ["an upgrade", upgrade],
  ["the death of all workers", killWorkers],
])("%s", (_, happen) => {
  test.skipIf(binaries === null)(
    "while a certificate is ordered does not cost it",
    async () => {
      await using app = startApp(() => new Response("web"));
      await using site = await AcmeSite.start(binaries!, undefined, {
        env: { PEBBLE_VA_NOSLEEP: "", PEBBLE_VA_SLEEPTIME: "3" },
      });
      const { proxy, pebble } = site;
      await proxy.deploy("web", app.address, `--host=${name}`, "--tls");
      await waitFor(() => pebble.orders > 0, "the order");
      await happen(proxy);
      await proxy.waitForLog("Obtained certificate");
      expect((await getOnce(proxy.httpsPort, name)).status).toBe(200);
      expect(pebble.orders).toBe(1);
      expect(proxy.logs.filter(({ msg }) => msg === "Unable to obtain certificate")).toEqual([]);
    },
    timeoutMs,
  );
});
