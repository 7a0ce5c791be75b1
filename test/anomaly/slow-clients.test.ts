/** Clients that are slow, silent or greedy lose their connection; those that merely take long do not. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { nextHead } from "../support/next-head.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { rawRequest } from "../support/raw-request.ts";
import { readResponse } from "../support/raw-response.ts";
import { type RawServer, startRawServer } from "../support/raw-server.ts";
import { waitFor } from "../support/wait-for.ts";

setDefaultTimeout(60_000);

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: slow.test\r\n\r\n`;
const upload = (target: string): string =>
  `POST ${target} HTTP/1.1\r\nHost: slow.test\r\nTransfer-Encoding: chunked\r\n\r\n`;

let proxy: ProxyProcess;
let app: RawServer;
/** Connections of the app that a test asked for by their target. */
const reached = new Map<string, RawConnection>();

beforeAll(async () => {
  app = startRawServer(serve);
  proxy = await ProxyProcess.start({
    env: {
      KAMAL_PROXY_HEADER_TIMEOUT: "400ms",
      KAMAL_PROXY_IDLE_TIMEOUT: "600ms",
      KAMAL_PROXY_STALL_TIMEOUT: "2s",
      KAMAL_PROXY_MAX_HEADER_BYTES: "100000",
    },
  });
  await proxy.deploy("slow", app.address, "--target-timeout=60s", "--host=slow.test");
  await proxy.deploy("held", app.address, "--target-timeout=60s", "--host=held.test");
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

/** `/open…` leaves the connection to the test; everything else is answered at once. */
async function serve(connection: RawConnection): Promise<void> {
  for (;;) {
    const head = await nextHead(connection);
    if (head === null) return;
    const target = head.split(" ")[1]!;
    if (target.startsWith("/open")) {
      reached.set(target, connection);
      return;
    }
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
  }
}

const appConnection = (target: string): Promise<RawConnection> =>
  waitFor(() => reached.get(target), `${target} to reach the app`);

/** As long as it takes until the proxy has given up a stalled upload: longer than any of its timeouts. */
async function longTime(name: string): Promise<void> {
  using stalled = await connectRaw(proxy.httpPort);
  stalled.send(`${upload(`/open-stalled-${name}`)}5\r\nhello\r\n`);
  await waitFor(() => stalled.peerEnded, "a stalled upload to be given up", 30_000);
}

describe("the head timeout", () => {
  test("closes a connection on which nothing comes", async () => {
    using connection = await connectRaw(proxy.httpPort);
    expect((await connection.receiveAll()).length).toBe(0);
  });

  test.each(["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: slow.test\r\nA: b"])(
    "answers 408 to %j and nothing more",
    async (start) => {
      using connection = await connectRaw(proxy.httpPort);
      connection.send(start);
      expect((await connection.receiveAll()).toString()).toStartWith("HTTP/1.1 408 ");
    },
  );

  test("is for the whole head, however many bytes come one by one", async () => {
    using connection = await connectRaw(proxy.httpPort);
    connection.send("GET /");
    const dribble = setInterval(() => connection.send("x"), 20);
    try {
      expect((await connection.receiveAll()).toString()).toStartWith("HTTP/1.1 408 ");
    } finally {
      clearInterval(dribble);
    }
  });

  test("is for the second head on a connection as well", async () => {
    using connection = await connectRaw(proxy.httpPort);
    connection.send(`${get("/first")}GET /sec`);
    expect((await readResponse(connection)).body.toString()).toBe("/first");
    expect((await connection.receiveAll()).toString()).toStartWith("HTTP/1.1 408 ");
  });
});

describe("the idle timeout", () => {
  test("closes a kept connection in order", async () => {
    using connection = await connectRaw(proxy.httpPort);
    connection.send(get("/first"));
    await readResponse(connection);
    expect((await connection.receiveAll()).length).toBe(0);
    expect(connection.endedInOrder).toBeTrue();
  });
});

describe("the stall timeout", () => {
  test("ends an upload that stops, and the app sees that it is incomplete", async () => {
    using connection = await connectRaw(proxy.httpPort);
    connection.send(`${upload("/open-upload")}5\r\nhello\r\n`);
    const target = await appConnection("/open-upload");
    await target.closed();
    expect(target.unread).toBe("5\r\nhello\r\n");
    await waitFor(() => connection.peerEnded, "the client's connection to end");
  });

  test("answers 504 to an upload of which the app reads nothing", async () => {
    using connection = await connectRaw(proxy.httpPort);
    connection.send(`${upload("/open-unread-upload")}1000000\r\n`);
    const target = await appConnection("/open-unread-upload");
    target.pause();
    connection.send(new Uint8Array(0x1000000));
    expect((await readResponse(connection)).status).toBe(504);
    target.resume();
    await target.closed();
  });

  test("notices then that the client of such an upload has left", async () => {
    const connection = await connectRaw(proxy.httpPort);
    connection.send(`${upload("/open-left-upload")}1000000\r\n`);
    const target = await appConnection("/open-left-upload");
    target.pause();
    connection.send(new Uint8Array(0x1000000));
    connection.close();
    const line = await proxy.waitForLog(
      ({ msg, path }) => msg === "Request" && path === "/open-left-upload",
    );
    expect(line["status"]).toBeOneOf([499, 504]);
    target.resume();
    await target.closed();
  });

  test("ends an answer that the client does not read", async () => {
    using connection = await connectRaw(proxy.httpPort);
    connection.send(get("/open-download"));
    connection.pause();
    const target = await appConnection("/open-download");
    target.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    target.send(new Uint8Array(20_000_000));
    await target.closed();
  });
});

describe("no timeout", () => {
  test("cuts what goes on, or waits for the app", async () => {
    const open: Disposable[] = [];
    const ticks: ReturnType<typeof setInterval>[] = [];
    const connect = async (bytes: string): Promise<RawConnection> => {
      const connection = await connectRaw(proxy.httpPort);
      open.push(connection);
      return connection.send(bytes);
    };
    const everySoOften = (act: () => void): void => void ticks.push(setInterval(act, 50));
    try {
      const uploading = await connect(upload("/open-long-upload"));
      const downloading = await connect(get("/open-long-download"));
      const events = await connect(get("/open-events"));
      const thinking = await connect(get("/open-thinking"));
      const tunnel = await connect(
        `GET /open-tunnel HTTP/1.1\r\nHost: slow.test\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n`,
      );
      await proxy.runHere("pause", "held");
      const held = await connect(get("/held").replace("slow.test", "held.test"));

      let sent = 0;
      everySoOften(() => uploading.send(`1\r\n${sent++ % 10}\r\n`));
      const uploadTarget = await appConnection("/open-long-upload");
      const download = await appConnection("/open-long-download");
      download.send("HTTP/1.1 200 OK\r\n\r\n");
      everySoOften(() => download.send("x"));
      const stream = await appConnection("/open-events");
      stream.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
      const thinker = await appConnection("/open-thinking");
      const far = await appConnection("/open-tunnel");
      far.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n");
      await tunnel.receive("\r\n\r\n");
      await events.receive("\r\n\r\n");

      await longTime("first");
      await longTime("second");

      for (const tick of ticks) clearInterval(tick);
      uploading.send("0\r\n\r\n");
      const body = await uploadTarget.receive("\r\n0\r\n\r\n");
      // What arrives together may go on as one chunk.
      const chunks = [...body.matchAll(/[\da-f]+\r\n(\d+)\r\n/g)];
      expect(chunks.reduce((sum, [, digits]) => sum + digits!.length, 0)).toBe(sent);
      uploadTarget.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
      expect((await readResponse(uploading)).status).toBe(204);

      download.end();
      expect((await readResponse(downloading)).body.toString()).toMatch(/^x{10,}$/);

      stream.send("data: late\n\n");
      await events.receive("data: late\n\n");

      thinker.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ndone");
      expect((await readResponse(thinking)).body.toString()).toBe("done");

      far.send("ping");
      await tunnel.receive("ping");
      tunnel.send("pong");
      await far.receive("pong");

      await proxy.runHere("resume", "held");
      expect((await readResponse(held)).body.toString()).toBe("/held");
    } finally {
      for (const tick of ticks) clearInterval(tick);
      for (const connection of open) connection[Symbol.dispose]();
    }
  });
});

describe("a greedy head", () => {
  test.each([64_000, 99_000])("of %i bytes passes", async (bytes) => {
    const request = `GET /big HTTP/1.1\r\nHost: slow.test\r\nConnection: close\r\nA: ${"a".repeat(bytes)}\r\n\r\n`;
    expect(await rawRequest(proxy.httpPort, request)).toStartWith("HTTP/1.1 200 ");
  });

  test.each([
    ["field", `A: ${"a".repeat(101_000)}`],
    ["number of fields", "A: b\r\n".repeat(2_100).trimEnd()],
  ])("is answered 431: %s", async (_, lines) => {
    const request = `GET /big HTTP/1.1\r\nHost: slow.test\r\n${lines}\r\n\r\n`;
    expect(await rawRequest(proxy.httpPort, request)).toStartWith("HTTP/1.1 431 ");
  });

  test("is refused before its end comes", async () => {
    using connection = await connectRaw(proxy.httpPort);
    connection.send(`GET /${"a".repeat(200_000)}`);
    expect((await connection.receiveAll()).toString()).toStartWith("HTTP/1.1 431 ");
  });
});

describe("many slow connections", () => {
  const kinds = {
    "send nothing": "",
    "send a part of a request line": "GET /sl",
    "send a part of a head": "GET / HTTP/1.1\r\nHost: slow.test\r\nA: b",
    "send a part of a body": "POST / HTTP/1.1\r\nHost: slow.test\r\nContent-Length: 9\r\n\r\nhe",
    "read nothing": get("/open-unread"),
  };
  for (const [kind, bytes] of Object.entries(kinds)) {
    test(`that ${kind} do not stop others`, async () => {
      const patient = await ProxyProcess.start();
      const slow: RawConnection[] = [];
      try {
        await patient.deploy("slow", app.address, "--target-timeout=60s");
        for (let i = 0; i < 500; i++) {
          const connection = await connectRaw(patient.httpPort);
          slow.push(connection);
          connection.pause();
          connection.send(bytes);
        }
        for (let i = 0; i < 20; i++) {
          const answer = await rawRequest(
            patient.httpPort,
            `GET /quick-${i} HTTP/1.1\r\nHost: slow.test\r\nConnection: close\r\n\r\n`,
          );
          expect(answer).toEndWith(`/quick-${i}`);
        }
        expect(slow.filter(({ peerEnded }) => peerEnded).length).toBe(0);
      } finally {
        for (const connection of slow) connection[Symbol.dispose]();
        await patient[Symbol.asyncDispose]();
      }
    });
  }

  test("that are idle cost little memory", async () => {
    const atOnce = 50;
    const patient = await ProxyProcess.start();
    const idle: RawConnection[] = [];
    try {
      await patient.deploy("slow", app.address);
      // The first ones make the proxy grow to its working size.
      const openOne = async (): Promise<void> => {
        const connection = await connectRaw(patient.httpPort);
        idle.push(connection);
        connection.send(get("/idle"));
        await readResponse(connection);
      };
      const open = async (count: number): Promise<void> => {
        for (let left = count; left > 0; left -= atOnce) {
          await Promise.all(Array.from({ length: Math.min(left, atOnce) }, openOne));
        }
      };
      await open(300);
      const before = await patient.residentBytes();
      await open(2_000);
      const each = Math.round(((await patient.residentBytes()) - before) / 2_000);
      expect(each).toBeLessThan(20_000);
    } finally {
      for (const connection of idle) connection[Symbol.dispose]();
      await patient[Symbol.asyncDispose]();
    }
  });
});
