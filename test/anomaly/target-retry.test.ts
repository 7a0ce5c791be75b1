/** A request whose target refuses connections goes to another one; with KAMAL_PROXY_TARGET_RETRY it waits as well. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type App, startApp } from "../support/app.ts";
import { freePorts } from "../support/free-ports.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";

setDefaultTimeout(60_000);

let proxy: ProxyProcess;
let first: App;

beforeEach(() => {
  first = startApp(echo, freePorts(1)[0]);
});

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
});

async function echo(request: Request): Promise<Response> {
  return new Response(`${request.method} ${await request.text()}`);
}

async function start(retry: string, ...flags: string[]): Promise<void> {
  proxy = await ProxyProcess.start({ env: { KAMAL_PROXY_TARGET_RETRY: retry } });
  await proxy.deploy("app", first.address, ...flags);
}

/** An app at the same port, as after a restart of its process. */
function restarted(): Bun.Server<undefined> {
  return Bun.serve({ hostname: "127.0.0.1", port: first.port, fetch: echo });
}

describe("a request whose target refuses connections", () => {
  test("is answered 502 at once when retries are off", async () => {
    await start("0s");
    await first[Symbol.asyncDispose]();
    expect((await fetch(proxy.url)).status).toBe(502);
  });

  test("goes to another target at once, also when it may not wait", async () => {
    await using second = startApp(echo);
    // No check takes the first one out while the test runs.
    await start("0s", `--target=${second.address}`, "--health-check-interval=1h");
    await first[Symbol.asyncDispose]();
    for (let i = 0; i < 10; i++) {
      const response = await fetch(proxy.url, { method: "POST", body: `${i}` });
      expect([response.status, await response.text()]).toEqual([200, `POST ${i}`]);
    }
    await second[Symbol.asyncDispose]();
    expect((await fetch(proxy.url)).status).toBe(502);
  });

  test("waits until the target is back, whatever its method and body", async () => {
    for (const flags of [[], ["--buffer-requests"]]) {
      await start("30s", ...flags);
      expect((await fetch(proxy.url)).status).toBe(200);
      await first[Symbol.asyncDispose]();
      const answers = [
        fetch(proxy.url),
        fetch(proxy.url, { method: "POST", body: "once" }),
        fetch(proxy.url, { method: "PUT", body: new Blob(["x".repeat(300_000)]).stream() }),
      ];
      // None is answered as long as nobody listens; two rounds of retries show it.
      const refused = await Promise.race([Promise.any(answers), Bun.sleep(250)]);
      expect(refused).toBeUndefined();
      await using _ = restarted();
      const texts = await Promise.all(answers.map(async (answer) => (await answer).text()));
      expect(texts.map((text) => text.slice(0, 9))).toEqual(["GET ", "POST once", "PUT xxxxx"]);
      expect(texts[2]!.length).toBe(300_004);
      if (flags.length === 0) {
        await proxy[Symbol.asyncDispose]();
        first = startApp(echo, freePorts(1)[0]);
      }
    }
  });

  test("is answered 502 when the time is over", async () => {
    await start("300ms");
    await first[Symbol.asyncDispose]();
    expect((await fetch(proxy.url)).status).toBe(502);
    expect((await fetch(proxy.url, { method: "POST", body: "x" })).status).toBe(502);
  });

  test("goes to another target at once", async () => {
    await using second = startApp(echo);
    await start("30s", `--target=${second.address}`, "--health-check-interval=1h");
    await first[Symbol.asyncDispose]();
    for (let i = 0; i < 10; i++) {
      const answer = await fetch(proxy.url, { method: "POST", body: "x" });
      expect(await answer.text()).toBe("POST x");
    }
    expect(second.requestCount).toBe(10);
  });

  test("goes to the target of a deploy that comes meanwhile", async () => {
    await using second = startApp(echo);
    await start("30s");
    await first[Symbol.asyncDispose]();
    const answer = fetch(proxy.url, { method: "POST", body: "x" });
    await proxy.deploy("app", second.address);
    expect(await (await answer).text()).toBe("POST x");
    expect(second.requestCount).toBe(1);
  });

  test("is given up when its client leaves, and when the service stops or goes", async () => {
    await start("30s");
    await first[Symbol.asyncDispose]();
    const client = await connectRaw(proxy.httpPort);
    client.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
    // A reset could overtake the request.
    client.close();
    const line = await proxy.waitForLog((entry) => entry["path"] === "/gone" && "status" in entry);
    expect(line["status"]).toBe(499);

    using stopped = await connectRaw(proxy.httpPort);
    stopped.send("GET /stopped HTTP/1.1\r\nHost: a\r\n\r\n");
    await proxy.runHere("stop", "app", "--drain-timeout=1s");
    expect((await readResponse(stopped)).status).toBe(503);

    await proxy.runHere("resume", "app");
    using removed = await connectRaw(proxy.httpPort);
    removed.send("GET /removed HTTP/1.1\r\nHost: a\r\n\r\n");
    await proxy.runHere("remove", "app");
    expect((await readResponse(removed)).status).toBeOneOf([503, 404]);
    expect(proxy.running).toBeTrue();
  });

  test("is not sent twice when the target took the connection", async () => {
    let requests = 0;
    await start("30s");
    const rude = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, bytes) {
          if (bytes.includes("GET /up"))
            socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
          else {
            requests++;
            socket.terminate();
          }
        },
      },
    });
    try {
      await proxy.deploy("app", `127.0.0.1:${rude.port}`);
      expect((await fetch(proxy.url, { method: "POST", body: "x" })).status).toBe(502);
      expect(requests).toBe(1);
    } finally {
      rude.stop(true);
    }
  });
});
