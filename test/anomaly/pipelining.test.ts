/** Several requests on one connection: each is answered once, in order, and nothing else becomes a request. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { rawRequest } from "../support/raw-request.ts";
import { type RecordingApp, startRecordingApp } from "../support/recording-app.ts";
import { readResponsesStrictly } from "../support/strict-parser.ts";

setDefaultTimeout(60_000);

const modes = { streamed: [], buffered: ["--buffer-requests", "--buffer-responses"] };

let proxy: ProxyProcess;
let app: RecordingApp;

beforeAll(async () => {
  app = startRecordingApp();
  proxy = await ProxyProcess.start();
  for (const [mode, flags] of Object.entries(modes)) {
    await proxy.deploy(mode, app.address, `--host=${mode}.test`, ...flags);
  }
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

async function answers(bytes: string, methods: string[]): Promise<string[]> {
  app.requests.length = 0;
  const received = await rawRequest(proxy.httpPort, bytes);
  const reading = readResponsesStrictly(received, methods, true);
  expect([reading.fault, reading.rest]).toEqual([null, ""]);
  return reading.messages.map(({ startLine, body }) => `${startLine.split(" ")[1]} ${body}`);
}

for (const mode of Object.keys(modes)) {
  const get = (target: string, lines = ""): string =>
    `GET ${target} HTTP/1.1\r\nHost: ${mode}.test\r\n${lines}\r\n`;
  const post = (target: string, body: string, lines = ""): string =>
    `POST ${target} HTTP/1.1\r\nHost: ${mode}.test\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`;
  const close = "Connection: close\r\n";

  describe(`pipelined ${mode} requests`, () => {
    test("are answered in order, 2,000 in one go", async () => {
      const targets = Array.from({ length: 2_000 }, (_, index) => `/${index}`);
      const all = targets.map((target) => get(target)).join("") + get("/last", close);
      const seen = await answers(
        all,
        [...targets, "/last"].map(() => "GET"),
      );
      expect(seen.map((answer) => answer.split(" ")[2])).toEqual([...targets, "/last"]);
      expect(app.requests.length).toBe(2_001);
    });

    test("of different kinds keep their own bodies", async () => {
      const fake = get("/smuggled");
      const all =
        post("/1", fake) +
        `HEAD /2 HTTP/1.1\r\nHost: ${mode}.test\r\n\r\n` +
        `POST /3 HTTP/1.1\r\nHost: ${mode}.test\r\nTransfer-Encoding: chunked\r\n\r\n` +
        `${fake.length.toString(16)}\r\n${fake}\r\n0\r\n\r\n` +
        post("/4", "") +
        get("/5", close);
      const seen = await answers(all, ["POST", "HEAD", "POST", "POST", "GET"]);
      expect(seen.map((answer) => answer.split(" ").slice(0, 4).join(" "))).toEqual([
        `200 POST /1 ${fake.length}`,
        "200 ",
        `200 POST /3 ${fake.length}`,
        "200 POST /4 0",
        "200 GET /5 0",
      ]);
    });

    test("behind one that asks to close are not read", async () => {
      const seen = await answers(get("/1", close) + get("/2"), ["GET"]);
      expect(seen.length).toBe(1);
      expect(app.requests.length).toBe(1);
    });

    test("behind one that is refused are not read", async () => {
      const seen = await answers(get("/1") + get("/2", "A : b\r\n") + get("/3"), ["GET", "GET"]);
      expect(seen.map((answer) => answer.slice(0, 3))).toEqual(["200", "400"]);
      expect(app.requests.length).toBe(1);
    });

    test("behind an unknown expectation are read rightly or not at all", async () => {
      const fake = get("/smuggled");
      const all = post("/1", fake, "Expect: nonsense\r\n") + get("/2", close);
      const seen = await answers(all, ["POST", "GET"]);
      expect(seen[0]).toStartWith("417 ");
      if (seen.length > 1) expect(seen[1]).toStartWith("200 GET /2 ");
      expect(app.requests.some(({ startLine }) => startLine.includes("/smuggled"))).toBeFalse();
    });

    test("behind an upload that is answered before it was read", async () => {
      // No service has this host: the answer does not wait for the upload.
      const fake = get("/smuggled");
      const unknown = post("/1", fake).replace(`${mode}.test`, "unknown.test");
      await proxy.deploy("host", app.address, "--host=other.test");
      const seen = await answers(unknown + get("/2", close), ["POST", "GET"]);
      expect(seen[0]).toStartWith("404 ");
      if (seen.length > 1) expect(seen[1]).toStartWith("200 GET /2 ");
      expect(app.requests.some(({ startLine }) => startLine.includes("/smuggled"))).toBeFalse();
    });

    test("that are refused touch no other connection", async () => {
      using other = await connectRaw(proxy.httpPort);
      other.send(
        `POST /other HTTP/1.1\r\nHost: ${mode}.test\r\n${close}Content-Length: 10\r\n\r\n`,
      );
      other.send("hello");
      for (let i = 0; i < 20; i++) {
        await answers(get("/1") + get("/2", "A\x00: b\r\n"), ["GET", "GET"]);
      }
      other.send("world");
      expect((await other.receiveAll()).toString()).toContain("POST /other 10 ");
    });
  });
}
