import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { proxyPool } from "../support/proxy-pool.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { type AppScript, ok, startScriptedApp } from "../support/scripted-app.ts";
import { namedSpillFiles, openSpillFiles } from "../support/spill-files.ts";
import { waitFor } from "../support/wait-for.ts";

const proxies = proxyPool();

setDefaultTimeout(30_000);

const head = (...lines: string[]): string => `HTTP/1.1 200 OK\r\n${lines.join("\r\n")}\r\n\r\n`;
const withLength = (length: number, ...lines: string[]): string =>
  head(`Content-Length: ${length}`, ...lines);
const chunked = (...lines: string[]): string => head("Transfer-Encoding: chunked", ...lines);
const chunk = (data: string): string => `${data.length.toString(16)}\r\n${data}\r\n`;
const lastChunk = "0\r\n\r\n";
const everyFlag = [
  "--buffer-requests",
  "--buffer-responses",
  "--buffer-memory=1000",
  "--max-request-body=100000",
  "--max-response-body=100000",
];

function pattern(length: number): string {
  let text = "";
  for (let i = 0; text.length < length; i++) text += `${i.toString(36)}.`;
  return text.slice(0, length);
}

async function ask(proxy: ProxyProcess, path = "/", method = "GET"): Promise<RawConnection> {
  const connection = await connectRaw(proxy.httpPort);
  return connection.send(`${method} ${path} HTTP/1.1\r\nHost: web.test\r\n\r\n`);
}

async function answer(proxy: ProxyProcess, path = "/", method = "GET") {
  using client = await ask(proxy, path, method);
  return await readResponse(client, method);
}

/** An app that lets the test decide when the second half comes. */
function inHalves(first: string, second: string) {
  const gate = Promise.withResolvers<void>();
  const script: AppScript = async (_, connection) => {
    connection.send(first);
    await gate.promise;
    return second;
  };
  return { script, release: gate.resolve };
}

describe("--buffer-responses", () => {
  for (const [place, size] of Object.entries({ memory: 900, "memory and file": 300_000 })) {
    test(`the client gets a response when all of it is there (${place})`, async () => {
      const body = pattern(size);
      const half = body.slice(0, size / 2);
      const halves = inHalves(withLength(size, "X-App: yes") + half, body.slice(size / 2));
      using app = startScriptedApp(halves.script);
      await using proxy = await proxies.borrow();
      await proxy.deploy("web", app.address, "--buffer-responses", "--buffer-memory=100000");
      using client = await ask(proxy);
      await waitFor(() => app.requests.length === 1, "the request to reach the app");
      if (size > 100_000) {
        await waitFor(() => openSpillFiles(proxy).length === 1, "a spill file");
        expect(openSpillFiles(proxy)[0]).toEndWith(" (deleted)");
        expect(namedSpillFiles(proxy)).toEqual([]);
      }
      expect(client.receivedBytes).toBe(0);
      halves.release();
      const response = await readResponse(client);
      expect(response.status).toBe(200);
      expect(valuesOf(response, "content-length")).toEqual([String(size)]);
      expect(valuesOf(response, "x-app")).toEqual(["yes"]);
      expect(response.body.toString() === body).toBe(true);
      await waitFor(() => openSpillFiles(proxy).length === 0, "the spill file to be closed");
      // The connections of both sides go on.
      client.send("GET /again HTTP/1.1\r\nHost: web.test\r\n\r\n");
      expect((await readResponse(client)).body.toString() === body).toBe(true);
      expect(app.connections.length).toBe(1);
    });
  }

  test("a target that breaks off becomes a clean 502 instead of a cut", async () => {
    const script: AppScript = (_, connection) => {
      connection.send(withLength(100, "X-App: yes") + pattern(50)).end();
      return null;
    };
    using app = startScriptedApp(script);
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--buffer-responses");
    using client = await ask(proxy);
    const response = await readResponse(client);
    expect(response.status).toBe(502);
    expect(response.body.toString()).toContain("<title>502 — Bad Gateway</title>");
    expect(valuesOf(response, "x-app")).toEqual([]);
    const line = await proxy.waitForLog("Error while proxying");
    expect(line["target"]).toBe(app.address);
    await proxy.deploy("web", app.address, "--buffer-responses=false");
    using cut = await ask(proxy);
    expect((await cut.receiveAll()).toString()).toEndWith(pattern(50));
  });

  test("the target is free before a slow client has read everything", async () => {
    const size = 8_000_000;
    const body = pattern(size);
    using app = startScriptedApp(() => withLength(size) + body);
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--buffer-responses", "--buffer-memory=1000");
    using slow = await ask(proxy);
    slow.pause();
    await waitFor(() => openSpillFiles(proxy).length === 1, "a spill file");
    // The second request gets the connection of the first.
    await waitFor(async () => {
      using probe = await ask(proxy, "/next");
      await readResponse(probe);
      return app.connections.length < app.requests.length;
    }, "the connection to be used again");
    expect(openSpillFiles(proxy).length).toBeGreaterThan(0);
    slow.resume();
    expect((await readResponse(slow)).body.toString() === body).toBe(true);
    await waitFor(() => openSpillFiles(proxy).length === 0, "the spill files to be closed");
  });

  test("a client that leaves frees what was collected", async () => {
    const halves = inHalves(withLength(100_000) + pattern(50_000), "");
    using app = startScriptedApp(halves.script);
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--buffer-responses", "--buffer-memory=1000");
    using client = await ask(proxy, "/left");
    await waitFor(() => openSpillFiles(proxy).length === 1, "a spill file");
    client.close();
    const line = await proxy.waitForLog((line) => line["path"] === "/left");
    expect(line["status"]).toBe(499);
    await waitFor(() => openSpillFiles(proxy).length === 0, "the spill file to be closed");
    await waitFor(() => app.connections[0]!.peerEnded, "the target's connection to be closed");
  });

  test("clients that leave while their answer is read back from the file harm nobody", async () => {
    using app = startScriptedApp(() => withLength(2_000_000) + "x".repeat(2_000_000));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--buffer-responses", "--buffer-memory=1");
    for (let i = 0; i < 10; i++) {
      using client = await ask(proxy);
      await client.receiveBytes(1_000 + 150_000 * i);
      client.reset();
    }
    expect((await answer(proxy)).body.length).toBe(2_000_000);
    await waitFor(() => openSpillFiles(proxy).length === 0, "the files to be closed");
  });

  test("a response that could not be stored costs its own request only", async () => {
    // What comes in one piece needs no storing, and this does not.
    using app = startScriptedApp(({ startLine }) => {
      const size = startLine.includes("/large") ? 4_000_000 : 500;
      return withLength(size, "X-App: yes") + pattern(size);
    });
    await using proxy = await ProxyProcess.start({ env: { TMPDIR: "/nowhere/at/all" } });
    await proxy.deploy("web", app.address, "--buffer-responses", "--buffer-memory=1000");
    const response = await answer(proxy, "/large");
    expect(response.status).toBe(500);
    expect(response.body.toString()).toBe("<h1>500 Internal Server Error</h1>");
    expect(valuesOf(response, "x-app")).toEqual([]);
    expect((await answer(proxy, "/small")).status).toBe(200);
  });

  test("interim responses pass at once and never become the final one", async () => {
    const gate = Promise.withResolvers<void>();
    const finals: Record<string, string> = {
      "/204": "HTTP/1.1 204 No Content\r\n\r\n",
      "/404": "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
      "/422":
        "HTTP/1.1 422 Unprocessable Entity\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
    };
    using app = startScriptedApp(async ({ startLine }, connection) => {
      connection.send("HTTP/1.1 100 Continue\r\n\r\n");
      connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
      await gate.promise;
      return finals[startLine.split(" ")[1]!] ?? null;
    });
    await using proxy = await proxies.borrow();
    for (const flags of [["--buffer-requests", "--buffer-responses"], everyFlag]) {
      await proxy.deploy("web", app.address, ...flags);
      for (const path of Object.keys(finals)) {
        using client = await ask(proxy, path);
        expect((await readResponse(client)).status).toBe(100);
        const hints = await readResponse(client);
        expect(hints.status).toBe(103);
        expect(valuesOf(hints, "link")).toEqual(["</a.css>"]);
        gate.resolve();
        const response = await readResponse(client);
        expect(`/${response.status}`).toBe(path);
        expect(valuesOf(response, "link")).toEqual([]);
        const line = await proxy.waitForLog((line) => line["path"] === path);
        expect(line["status"]).toBe(response.status);
      }
    }
  });

  test("answers without a body pass, and a HEAD keeps its length", async () => {
    const answers: Record<string, string> = {
      HEAD: withLength(1_000_000),
      GET: "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000000\r\nETag: x\r\n\r\n",
      DELETE: "HTTP/1.1 204 No Content\r\n\r\n",
      OPTIONS: withLength(0),
    };
    using app = startScriptedApp(({ startLine }) => answers[startLine.split(" ")[0]!] ?? null);
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, ...everyFlag);
    const statuses: number[] = [];
    for (const method of Object.keys(answers)) {
      statuses.push((await answer(proxy, "/", method)).status);
    }
    expect(statuses).toEqual([200, 304, 204, 200]);
    expect(valuesOf(await answer(proxy, "/", "HEAD"), "content-length")).toEqual(["1000000"]);
  });

  const streams: Record<string, string> = {
    "an event stream": chunked("Content-Type: text/event-stream"),
    "an event stream with parameters": chunked("Content-Type: text/event-stream; charset=utf-8"),
    "an event stream in capitals": chunked("Content-Type: Text/Event-Stream"),
    "an event stream until close": head("Content-Type: text/event-stream"),
    "a chunked response": chunked("Content-Type: text/html"),
  };
  for (const [name, start] of Object.entries(streams)) {
    test(`${name} flows while the app holds the rest, whatever the flags`, async () => {
      const isChunked = start.includes("chunked");
      const piece = (data: string): string => (isChunked ? chunk(data) : data);
      for (const flags of [["--buffer-requests", "--buffer-responses"], everyFlag]) {
        const halves = inHalves(start + piece("data: first\n\n"), piece("data: second\n\n"));
        using app = startScriptedApp(async (request, connection) => {
          const second = await halves.script(request, connection);
          connection.send(second! + (isChunked ? lastChunk : "")).end();
          return null;
        });
        await using proxy = await proxies.borrow();
        await proxy.deploy("web", app.address, ...flags);
        using client = await ask(proxy);
        await client.receive("data: first\n\n");
        halves.release();
        await client.receive("data: second\n\n");
        await client.receive(lastChunk);
      }
    });
  }
});

describe("--max-response-body", () => {
  const limit = ["--buffer-responses", "--max-response-body=1000"];
  const tooLarge = "<h1>500 Internal Server Error</h1>";

  test("the limit counts exactly, and the answer beyond it has nothing of the app's", async () => {
    const size = (startLine: string): number => Number(startLine.split(" ")[1]!.slice(1));
    using app = startScriptedApp(({ startLine }) => {
      const body = pattern(size(startLine));
      return withLength(body.length, "X-App: yes", "Set-Cookie: a=b") + body;
    });
    await using proxy = await proxies.borrow();
    for (const memory of ["--buffer-memory=100", "--buffer-memory=1000000"]) {
      await proxy.deploy("web", app.address, ...limit, memory);
      expect((await answer(proxy, "/1000")).body.length).toBe(1_000);
      const response = await answer(proxy, "/1001");
      expect(response.status).toBe(500);
      expect(response.body.toString()).toBe(tooLarge);
      expect(response.fields.map(([name]) => name).toSorted()).toEqual([
        "content-length",
        "content-type",
        "date",
        "x-kamal-proxy-error",
      ]);
      await proxy.waitForLog("Response exceeded max response limit");
    }
    await proxy.deploy("web", app.address, "--buffer-responses", "--max-response-body=0");
    expect((await answer(proxy, "/1000000")).body.length).toBe(1_000_000);
  });

  test("a declared length beyond it is answered at once, and the target is let go", async () => {
    using app = startScriptedApp((_, connection) => {
      connection.send(withLength(1_001));
      return null;
    });
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, ...limit);
    expect((await answer(proxy)).status).toBe(500);
    await waitFor(() => app.connections[0]!.peerEnded, "the target's connection to be closed");
  });

  test("a quick response of unknown length is judged as a whole", async () => {
    using app = startScriptedApp(({ startLine }, connection) => {
      const body = pattern(startLine.includes("/large") ? 1_001 : 1_000);
      const middle = body.length / 2;
      if (startLine.includes("/close")) {
        connection.send(head("X-App: yes") + body).end();
        return null;
      }
      return (
        chunked("X-App: yes") + chunk(body.slice(0, middle)) + chunk(body.slice(middle)) + lastChunk
      );
    });
    await using proxy = await proxies.borrow();
    for (const memory of ["--buffer-memory=100", "--buffer-memory=1000000"]) {
      await proxy.deploy("web", app.address, ...limit, memory);
      for (const framing of ["chunked", "close"]) {
        const small = await answer(proxy, `/${framing}/small`);
        expect(small.status).toBe(200);
        expect(small.body.toString()).toBe(pattern(1_000));
        expect(valuesOf(small, "transfer-encoding")).toEqual(["chunked"]);
        const large = await answer(proxy, `/${framing}/large`);
        expect(large.status).toBe(500);
        expect(large.body.toString()).toBe(tooLarge);
        expect(valuesOf(large, "x-app")).toEqual([]);
      }
    }
    await waitFor(() => openSpillFiles(proxy).length === 0, "the spill files to be closed");
  });

  test("a slow one flows, and is cut where it becomes too large", async () => {
    const halves = inHalves(chunked() + chunk(pattern(900)), chunk(pattern(101)) + lastChunk);
    using app = startScriptedApp(halves.script);
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, ...limit, "--buffer-memory=100");
    using client = await ask(proxy, "/slow");
    await client.receive(chunk(pattern(900)).slice(-100));
    halves.release();
    const rest = (await client.receiveAll()).toString();
    expect(rest).not.toContain(lastChunk);
    await proxy.waitForLog("Response exceeded max response limit");
    const line = await proxy.waitForLog((line) => line["path"] === "/slow" && "status" in line);
    expect(line["status"]).toBe(200);
    await waitFor(() => app.connections[0]!.peerEnded, "the target's connection to be closed");
    await waitFor(() => openSpillFiles(proxy).length === 0, "the spill file to be closed");
  });

  test("a head without a body yet is passed on, with trailers at the end", async () => {
    const halves = inHalves(chunked("X-App: yes", "Trailer: X-Sum"), "");
    using app = startScriptedApp(async (request, connection) => {
      await halves.script(request, connection);
      return `${chunk("late")}0\r\nX-Sum: 4\r\n\r\n`;
    });
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, ...limit);
    using client = await ask(proxy);
    const start = await client.receive("\r\n\r\n");
    expect(start).toContain("X-App: yes");
    halves.release();
    expect(await client.receive("\r\n\r\n")).toBe("4\r\nlate\r\n0\r\nX-Sum: 4\r\n\r\n");
  });

  test("what breaks off while it is collected becomes a 502, later it is cut", async () => {
    const gate = Promise.withResolvers<void>();
    using app = startScriptedApp(async ({ startLine }, connection) => {
      connection.send(chunked() + chunk("some"));
      if (startLine.includes("/later")) await gate.promise;
      connection.end();
      return null;
    });
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, ...limit);
    expect((await answer(proxy, "/soon")).status).toBe(502);
    using client = await ask(proxy, "/later");
    await client.receive("some\r\n");
    gate.resolve();
    expect((await client.receiveAll()).toString()).toBe("");
    await waitFor(
      () => proxy.logs.filter((line) => line["msg"] === "Error while proxying").length === 2,
      "both failures in the log",
    );
  });

  test("event streams are not limited", async () => {
    const body = pattern(5_000);
    using app = startScriptedApp(
      () => chunked("Content-Type: text/event-stream") + chunk(body) + lastChunk,
    );
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, ...limit);
    expect((await answer(proxy)).body.toString()).toBe(body);
  });

  test("an upgrade passes with every flag set", async () => {
    using app = startScriptedApp(async (_, connection) => {
      connection.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
      );
      connection.send(await connection.receiveBytes(4));
      return null;
    });
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, ...everyFlag);
    using client = await connectRaw(proxy.httpPort);
    client.send("GET / HTTP/1.1\r\nHost: web.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    expect((await readResponse(client)).status).toBe(101);
    client.send("ping");
    expect((await client.receiveBytes(4)).toString()).toBe("ping");
  });

  test("an answer to an upload that is still under way is not kept waiting", async () => {
    using app = startScriptedApp(() => ok);
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--buffer-responses", "--max-response-body=1000");
    using client = await connectRaw(proxy.httpPort);
    client.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 4\r\n\r\nab");
    client.send("cd");
    expect((await readResponse(client)).body.toString()).toBe("ok");
  });
});
