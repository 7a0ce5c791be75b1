import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { startApp } from "../support/app.ts";
import { waitForInFlight } from "../support/proxy-metrics.ts";
import { proxyPool } from "../support/proxy-pool.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { type RawMessage, readResponse, valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { namedSpillFiles, openSpillFiles } from "../support/spill-files.ts";
import { tinyDisk } from "../support/tiny-disk.ts";
import { waitFor } from "../support/wait-for.ts";

const proxies = proxyPool();

setDefaultTimeout(30_000);

const head = (target: string, fields: string): string =>
  `POST ${target} HTTP/1.1\r\nHost: web.test\r\n${fields}\r\n`;
const withLength = (length: number, target = "/"): string =>
  head(target, `Content-Length: ${length}\r\n`);
const chunkedHead = (target = "/"): string => head(target, "Transfer-Encoding: chunked\r\n");
const chunk = (data: string): string => `${data.length.toString(16)}\r\n${data}\r\n`;

/** Bytes that differ from place to place. */
function pattern(length: number): string {
  let text = "";
  for (let i = 0; text.length < length; i++) text += `${i.toString(36)}.`;
  return text.slice(0, length);
}

async function send(proxy: ProxyProcess, ...pieces: string[]): Promise<RawConnection> {
  const connection = await connectRaw(proxy.httpPort);
  for (const piece of pieces) connection.send(piece);
  return connection;
}

async function statusOf(proxy: ProxyProcess, ...pieces: string[]): Promise<number> {
  using client = await send(proxy, ...pieces);
  return (await readResponse(client)).status;
}

const framingOf = (message: RawMessage) => ({
  length: valuesOf(message, "content-length"),
  coding: valuesOf(message, "transfer-encoding"),
});

describe("--buffer-requests", () => {
  const sizes = { memory: 1_000, "memory and file": 300_000 };
  for (const [place, size] of Object.entries(sizes)) {
    test(`the target hears of a request when all of it is there (${place})`, async () => {
      using app = startScriptedApp();
      await using proxy = await proxies.borrow();
      await proxy.deploy("web", app.address, "--buffer-requests", "--buffer-memory=100000");
      const body = pattern(size);
      const half = body.length / 2;

      using plain = await send(proxy, withLength(size), body.slice(0, half));
      await waitForInFlight(proxy, "web", 1);
      using chunked = await send(proxy, chunkedHead(), chunk(body.slice(0, half)));
      await waitForInFlight(proxy, "web", 2);
      if (size > 100_000) {
        await waitFor(() => openSpillFiles(proxy).length === 2, "two spill files");
        expect(openSpillFiles(proxy).every((file) => file.endsWith(" (deleted)"))).toBe(true);
      } else {
        expect(openSpillFiles(proxy)).toEqual([]);
      }
      expect(namedSpillFiles(proxy)).toEqual([]);
      expect(app.connections.length).toBe(0);

      plain.send(body.slice(half));
      expect((await readResponse(plain)).status).toBe(200);
      chunked.send(`${chunk(body.slice(half))}0\r\nX-Trailer: t\r\n\r\n`);
      expect((await readResponse(chunked)).status).toBe(200);
      const [first, second] = app.requests;
      expect(framingOf(first!)).toEqual({ length: [String(size)], coding: [] });
      expect(first!.body.toString() === body).toBe(true);
      expect(framingOf(second!)).toEqual({ length: [], coding: ["chunked"] });
      expect(second!.body.toString() === body).toBe(true);
      expect(second!.trailers).toEqual([["x-trailer", "t"]]);
      await waitFor(() => openSpillFiles(proxy).length === 0, "the spill files to be closed");
    });
  }

  test("without the flag the target hears of it at once", async () => {
    await using app = startApp(async (request) => new Response(await request.text()));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--buffer-requests=false", "--buffer-memory=1");
    using client = await send(proxy, withLength(8), "half");
    await waitFor(() => app.requestCount === 1, "the request to reach the app");
    client.send("half");
    expect((await readResponse(client)).body.toString()).toBe("halfhalf");
  });

  test("empty bodies and requests without one pass as they are", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--buffer-requests", "--max-request-body=1");
    expect(await statusOf(proxy, "GET / HTTP/1.1\r\nHost: web.test\r\n\r\n")).toBe(200);
    expect(await statusOf(proxy, withLength(0))).toBe(200);
    expect(await statusOf(proxy, chunkedHead(), "0\r\n\r\n")).toBe(200);
    expect(app.requests.map(framingOf)).toEqual([
      { length: [], coding: [] },
      { length: ["0"], coding: [] },
      { length: ["0"], coding: [] },
    ]);
  });

  test("a chunked body that was collected goes on with its length, unless it has trailers", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--buffer-requests", "--buffer-memory=10000");
    for (const size of [1, 9_000, 300_000]) {
      const pieces = [chunk(pattern(size)), "0\r\n\r\n"];
      expect(await statusOf(proxy, chunkedHead(), ...pieces)).toBe(200);
      const request = app.requests.at(-1)!;
      expect(framingOf(request)).toEqual({ length: [String(size)], coding: [] });
      expect(request.body.toString() === pattern(size)).toBe(true);
    }
    const announced = head("/", "Transfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n");
    expect(await statusOf(proxy, announced, chunk("a"), "0\r\nX-Trailer: t\r\n\r\n")).toBe(200);
    expect(framingOf(app.requests.at(-1)!)).toEqual({ length: [], coding: ["chunked"] });
    expect(await statusOf(proxy, announced, chunk("a"), "0\r\n\r\n")).toBe(200);
    expect(framingOf(app.requests.at(-1)!)).toEqual({ length: ["1"], coding: [] });
    expect(valuesOf(app.requests.at(-1)!, "trailer")).toEqual([]);
  });

  test("an upload that is broken off never contacts the target and leaves nothing behind", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--buffer-requests", "--buffer-memory=1000");
    const uploads = {
      "/memory": [withLength(900, "/memory"), pattern(500)],
      "/file": [withLength(90_000, "/file"), pattern(50_000)],
      "/chunked": [chunkedHead("/chunked"), chunk(pattern(50_000))],
    };
    for (const [path, pieces] of Object.entries(uploads)) {
      using client = await send(proxy, ...pieces);
      await waitForInFlight(proxy, "web", 1);
      if (path !== "/memory") {
        await waitFor(() => openSpillFiles(proxy).length === 1, "a spill file");
      }
      client.close();
      const line = await proxy.waitForLog((line) => line["path"] === path);
      expect({ path, status: line["status"] }).toEqual({ path, status: 499 });
      await waitFor(() => openSpillFiles(proxy).length === 0, "the spill file to be closed");
    }
    expect(app.connections.length).toBe(0);
    expect(namedSpillFiles(proxy)).toEqual([]);
  });

  test("a malformed chunk is answered 400 and never contacts the target", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--buffer-requests");
    using client = await send(proxy, chunkedHead(), chunk("good"), "xyz\r\nbad\r\n0\r\n\r\n");
    const response = await readResponse(client);
    expect(response.status).toBe(400);
    expect(response.body.toString()).toBe("<h1>400 Bad Request</h1>");
    await client.receiveAll();
    expect(app.connections.length).toBe(0);
    expect(Object.keys(await proxy.waitForLog("Malformed chunked request"))).not.toContain(
      "target",
    );
  });

  test("a body that could not be stored costs its own request only", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({ env: { TMPDIR: "/nowhere/at/all" } });
    await proxy.deploy("web", app.address, "--buffer-requests", "--buffer-memory=1000");
    using client = await send(proxy, withLength(5_000), pattern(5_000));
    const response = await readResponse(client);
    expect(response.status).toBe(500);
    expect(response.body.toString()).toBe("<h1>500 Internal Server Error</h1>");
    const line = await proxy.waitForLog((line) => line["level"] === "ERROR");
    expect(String(line["error"])).toContain("ENOENT");
    expect(app.requests.length).toBe(0);
    expect(await statusOf(proxy, withLength(1_000), pattern(1_000))).toBe(200);
  });

  test("a full disk costs only the requests that need it", async () => {
    using app = startScriptedApp();
    using disk = tinyDisk();
    await using proxy = await ProxyProcess.start({ env: { TMPDIR: disk.path } });
    await proxy.deploy("web", app.address, "--buffer-requests", "--buffer-memory=1000");
    expect(await statusOf(proxy, withLength(300_000), pattern(300_000))).toBe(500);
    expect(await statusOf(proxy, withLength(1_000), pattern(1_000))).toBe(200);
    await proxy.waitForLog((line) => line["level"] === "ERROR");
    expect(openSpillFiles(proxy)).toEqual([]);
    expect(app.requests.length).toBe(1);
  });

  test("memory is bounded for all bodies together; what is beyond it goes to disk", async () => {
    using app = startScriptedApp();
    // Each of several workers would have its share.
    await using proxy = await ProxyProcess.start({
      env: { KAMAL_PROXY_BUFFER_MEMORY_TOTAL: "100000" },
    });
    await proxy.deploy("web", app.address, "--buffer-requests");
    const body = pattern(80_000);
    using first = await send(proxy, withLength(body.length + 1), body);
    await waitForInFlight(proxy, "web", 1);
    using second = await send(proxy, withLength(body.length + 1), body);
    await waitFor(() => openSpillFiles(proxy).length === 1, "one spill file");
    first.send("!");
    second.send("!");
    expect((await readResponse(first)).status).toBe(200);
    expect((await readResponse(second)).status).toBe(200);
    expect(app.requests.every((request) => request.body.toString() === `${body}!`)).toBe(true);
    await waitFor(() => openSpillFiles(proxy).length === 0, "the spill file to be closed");

    // What was freed can be used again.
    using third = await send(proxy, withLength(body.length + 1), body);
    await waitForInFlight(proxy, "web", 1);
    third.send("!");
    expect((await readResponse(third)).status).toBe(200);
    expect(openSpillFiles(proxy)).toEqual([]);
  });
});

describe("--max-request-body", () => {
  test("the limit counts exactly, declared or not, and the target hears of nothing larger", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--buffer-requests", "--max-request-body=1000");
    const body = pattern(1_000);
    expect(await statusOf(proxy, withLength(1_000), body)).toBe(200);
    expect(await statusOf(proxy, chunkedHead(), chunk(body), "0\r\n\r\n")).toBe(200);
    expect(await statusOf(proxy, withLength(1_001), `${body}!`)).toBe(413);
    expect(await statusOf(proxy, chunkedHead(), chunk(body), chunk("!"), "0\r\n\r\n")).toBe(413);
    expect(app.requests.map((request) => request.body.length)).toEqual([1_000, 1_000]);
  });

  test("a declared length beyond it is answered 413 before the body is sent", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--buffer-requests", "--max-request-body=1000");
    using client = await send(proxy, head("/", "Content-Length: 1001\r\nExpect: 100-continue\r\n"));
    const response = await readResponse(client);
    expect(response.status).toBe(413);
    expect(response.body.toString()).toContain("<title>413 — Content Too Large</title>");
    using endless = await send(proxy, chunkedHead());
    for (let i = 0; i < 11; i++) endless.send(chunk(pattern(100)));
    expect((await readResponse(endless)).status).toBe(413);
    expect(app.connections.length).toBe(0);
  });

  test("it holds for what goes to disk, and 0 means none", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    const memory = ["--buffer-requests", "--buffer-memory=100"];
    await proxy.deploy("web", app.address, ...memory, "--max-request-body=1000");
    const pieces = Array.from({ length: 11 }, () => chunk(pattern(100)));
    expect(await statusOf(proxy, chunkedHead(), ...pieces, "0\r\n\r\n")).toBe(413);
    await waitFor(() => openSpillFiles(proxy).length === 0, "the spill file to be closed");
    await proxy.deploy("web", app.address, ...memory, "--max-request-body=0");
    expect(await statusOf(proxy, chunkedHead(), ...pieces, "0\r\n\r\n")).toBe(200);
    expect(namedSpillFiles(proxy)).toEqual([]);
  });

  test("a service of its own limits does not limit others", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    const limited = ["--host=limited.test", "--buffer-requests", "--max-request-body=1"];
    await proxy.deploy("limited", app.address, ...limited);
    await proxy.deploy("web", app.address, "--host=web.test", "--buffer-requests");
    expect(await statusOf(proxy, withLength(2), "ab")).toBe(200);
    const other = "POST / HTTP/1.1\r\nHost: limited.test\r\nContent-Length: 2\r\n\r\nab";
    expect(await statusOf(proxy, other)).toBe(413);
  });
});

describe("limits without buffering", () => {
  test("are refused, unless buffering is switched off in words", async () => {
    using app = startScriptedApp(() => ok);
    await using proxy = await ProxyProcess.start();
    const deploy = (...flags: string[]) =>
      proxy.runHere("deploy", "web", `--target=${app.address}`, ...flags);
    const error = (flag: string, kind: string) => ({
      code: 1,
      stdout: "",
      stderr: `Error: ${flag} can only be set when ${kind} buffering is enabled\n`,
    });
    expect(await deploy("--max-request-body=1")).toEqual(error("max-request-body", "request"));
    expect(await deploy("--max-response-body=1", "--buffer-requests")).toEqual(
      error("max-response-body", "response"),
    );
    expect(await deploy("--buffer-memory=1M")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        'Error: invalid argument "1M" for "--buffer-memory" flag: strconv.ParseInt: parsing "1M": invalid syntax\n',
    });
    expect(await Bun.file(proxy.statePath).exists()).toBe(false);
    expect((await deploy("--max-request-body=1", "--buffer-requests=false")).code).toBe(0);
    expect(await statusOf(proxy, withLength(2), "ab")).toBe(200);
  });
});
