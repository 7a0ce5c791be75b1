/** Apps that reset, fall silent or talk too much: the client learns of it, and nobody else does. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { nextHead } from "../support/next-head.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { rawRequest } from "../support/raw-request.ts";
import { readResponse } from "../support/raw-response.ts";
import { type RawServer, startRawServer } from "../support/raw-server.ts";
import { waitFor } from "../support/wait-for.ts";

setDefaultTimeout(60_000);

const modes = { streamed: [], buffered: ["--buffer-requests", "--buffer-responses"] };
const ok = "HTTP/1.1 200 OK\r\n";
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;

/** What the app does with the next request for `/fault`. */
type Fault = (connection: RawConnection) => void | Promise<void>;

let proxy: ProxyProcess;
let app: RawServer;
let fault: Fault = () => {};
let faultCount = 0;

beforeAll(async () => {
  app = startRawServer(async (connection) => {
    for (;;) {
      const head = await nextHead(connection);
      if (head === null) return;
      const target = head.split(" ")[1]!;
      if (target.startsWith("/fault")) {
        faultCount++;
        await fault(connection);
      } else {
        connection.send(`${ok}Content-Length: ${target.length}\r\n\r\n${target}`);
      }
    }
  });
  proxy = await ProxyProcess.start();
  for (const [mode, flags] of Object.entries(modes)) {
    await proxy.deploy(
      mode,
      app.address,
      `--host=${mode}.test`,
      "--target-timeout=500ms",
      ...flags,
    );
  }
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

function request(mode: string, target: string, version = "1.1", method = "GET"): string {
  return `${method} ${target} HTTP/${version}\r\nHost: ${mode}.test\r\nConnection: close\r\n\r\n`;
}

async function expectInnocent(mode: string): Promise<void> {
  const answers = await Promise.all(
    ["/a", "/b", "/c"].map((target) => rawRequest(proxy.httpPort, request(mode, target))),
  );
  expect(answers.map((answer) => answer.slice(-2))).toEqual(["/a", "/b", "/c"]);
}

interface Seen {
  text: string;
  /** Ended by a FIN; else by a reset. */
  inOrder: boolean;
}

async function ask(mode: string, act: Fault, version = "1.1"): Promise<Seen> {
  fault = act;
  using connection = await connectRaw(proxy.httpPort);
  connection.send(request(mode, "/fault", version));
  await waitFor(() => connection.peerEnded, "the end of the answer", 20_000);
  return { text: connection.unread, inOrder: connection.endedInOrder };
}

/** Sends the bytes, and resets once they are under way. */
const resetAfter =
  (bytes: string): Fault =>
  async (connection) => {
    connection.send(bytes);
    // A reset overtakes what the proxy has not read yet.
    await new Promise((resolve) => setTimeout(resolve, 20));
    connection.reset();
  };

for (const mode of Object.keys(modes)) {
  describe(`a ${mode} app that resets`, () => {
    test.each([
      ["before the head", ""],
      ["in the status line", "HTTP/1.1 2"],
      ["in the head", `${ok}Content-Length: 5\r\nA: b`],
      ["behind a 1xx", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"],
    ])("%s: 502", async (_, bytes) => {
      const { text } = await ask(mode, resetAfter(bytes));
      expect(text.replace(/^HTTP\/1.1 103 [^]*?\r\n\r\n/, "")).toStartWith("HTTP/1.1 502 ");
      await expectInnocent(mode);
    });

    const stages: [string, string][] = [
      ["before the body", `${ok}Content-Length: 5\r\n\r\n`],
      ["in the body", `${ok}Content-Length: 5\r\n\r\nhell`],
      ["before the first chunk", chunked],
      ["in a chunk", `${chunked}5\r\nhel`],
      ["behind a chunk", `${chunked}5\r\nhello\r\n`],
      ["in the trailers", `${chunked}5\r\nhello\r\n0\r\nA: b\r\n`],
      ["in a body that its close ends", `${ok}\r\nhello`],
    ];
    for (const [stage, bytes] of stages) {
      test(`${stage} is never taken for one that is done`, async () => {
        for (const version of ["1.1", "1.0"]) {
          const { text, inOrder } = await ask(mode, resetAfter(bytes), version);
          if (text.startsWith("HTTP/1.1 502 ")) continue;
          const isWhole = text.endsWith("0\r\n\r\n") || text.endsWith("\r\n\r\nhello\r\n\r\n");
          expect(isWhole).toBeFalse();
          const hasFraming = /\r\n(Content-Length: 5|Transfer-Encoding: chunked)\r\n/.test(text);
          // Without framing only a reset tells that there should have been more.
          if (text !== "" && !hasFraming) expect(inOrder).toBeFalse();
        }
        await expectInnocent(mode);
      });
    }
  });

  describe(`a ${mode} app that is silent`, () => {
    test.each([
      ["from the start", ""],
      ["in the head", `${ok}Content-Length: 5\r\nA: `],
      ["behind a 1xx", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"],
    ])("%s: 504", async (_, bytes) => {
      const { text } = await ask(mode, (connection) => void connection.send(bytes));
      expect(text.replace(/^HTTP\/1.1 103 [^]*?\r\n\r\n/, "")).toStartWith("HTTP/1.1 504 ");
      await expectInnocent(mode);
    });

    test.each([
      ["a head byte by byte", `${ok}A: `, "b"],
      ["a head field by field", ok, "A: b\r\n"],
      ["1xx after 1xx", "", "HTTP/1.1 103 Early Hints\r\n\r\n"],
    ])("but for %s: 504 or 502", async (_, start, more) => {
      const { text } = await ask(mode, async (connection) => {
        connection.send(start);
        while (!connection.peerEnded) {
          connection.send(more);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      });
      const final = text.replaceAll(/HTTP\/1.1 103 [^]*?\r\n\r\n/g, "");
      expect(final).toMatch(/^HTTP\/1.1 50[24] /);
      await expectInnocent(mode);
    });
  });

  describe(`a ${mode} app`, () => {
    test("whose head never ends is cut off at a limit", async () => {
      let sent = 0;
      const { text } = await ask(mode, async (connection) => {
        connection.send(ok);
        const line = `A: ${"a".repeat(60_000)}\r\n`;
        while (!connection.peerEnded) {
          connection.send(line);
          sent += line.length;
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      expect(text).toMatch(/^HTTP\/1.1 50[24] /);
      expect(sent).toBeGreaterThan(1_000_000);
      await expectInnocent(mode);
    });

    test("that sends bytes after its answer answers nobody else with them", async () => {
      for (let i = 0; i < 10; i++) {
        let poisoned: RawConnection | null = null;
        const { text } = await ask(mode, async (connection) => {
          poisoned = connection;
          connection.send(`${ok}Content-Length: 5\r\n\r\nhello`);
          await new Promise((resolve) => setImmediate(resolve));
          connection.send(`${ok}Content-Length: 6\r\n\r\npoison`);
        });
        expect(text).toEndWith("\r\n\r\nhello");
        // The idle connection has to be seen closed: until then nobody could tell the bytes apart.
        await waitFor(() => poisoned?.peerEnded, "the poisoned connection to close");
        await expectInnocent(mode);
      }
    });

    test("that closes idle connections costs nobody an answer", async () => {
      for (let i = 0; i < 30; i++) {
        await expectInnocent(mode);
        for (const connection of app.connections) connection.close();
        await expectInnocent(mode);
        for (const connection of app.connections) connection.reset();
      }
    });

    test("that closes a kept connection under a POST gets it at most once", async () => {
      await expectInnocent(mode);
      faultCount = 0;
      fault = (connection) => connection.reset();
      const bytes = `POST /fault HTTP/1.1\r\nHost: ${mode}.test\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello`;
      expect(await rawRequest(proxy.httpPort, bytes)).toStartWith("HTTP/1.1 502 ");
      expect(faultCount).toBe(1);
    });

    test("that breaks an upload off leads to a 502 and no second try", async () => {
      await expectInnocent(mode);
      faultCount = 0;
      fault = (connection) => connection.reset();
      using client = await connectRaw(proxy.httpPort);
      client.send(`POST /fault HTTP/1.1\r\nHost: ${mode}.test\r\nContent-Length: 3000000\r\n\r\n`);
      client.send(new Uint8Array(3_000_000));
      expect((await readResponse(client)).status).toBe(502);
      expect(faultCount).toBe(1);
      await expectInnocent(mode);
    });

    test("that answers before the upload ends is heard at once", async () => {
      fault = (connection) =>
        void connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge");
      using client = await connectRaw(proxy.httpPort);
      client.send(
        `POST /fault HTTP/1.1\r\nHost: ${mode}.test\r\nContent-Length: 100000\r\n\r\nhello`,
      );
      // With buffered requests the app hears of the upload only when it is complete.
      if (mode === "buffered") client.send(new Uint8Array(99_995));
      const answer = await readResponse(client);
      expect([answer.status, answer.body.toString()]).toEqual([413, "large"]);
      if (mode === "buffered") return;
      // What is left of the upload is no request, whatever it looks like.
      const fake = request(mode, "/a");
      client.send(fake.repeat(Math.ceil(99_995 / fake.length)).slice(0, 99_995));
      client.send(request(mode, "/b"));
      expect((await client.receiveAll()).toString()).not.toContain("\r\n\r\n/a");
      await expectInnocent(mode);
    });
  });
}
