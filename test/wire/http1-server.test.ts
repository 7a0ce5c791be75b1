/** The server side of HTTP/1.1, bytes in and bytes out, with a handler in place of the pipeline. */
import { afterAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import type { BodySink, BodySource } from "../../src/protocols/http/body.ts";
import { pipe } from "../../src/protocols/http/body.ts";
import { Fields } from "../../src/protocols/http/fields.ts";
import { clientLimits } from "../../src/config/defaults.ts";
import { DescriptorGuard } from "../../src/data-plane/listeners/accept/descriptor-guard.ts";
import { HttpPort } from "../../src/data-plane/listeners/http-port.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Exchange } from "../../src/protocols/http/exchange.ts";
import { RecordingLogger } from "../support/recording-logger.ts";

/** Answers with what it was sent: `METHOD path?query|body|trailers`. */
class Echo implements BodySink {
  #body = "";
  constructor(
    readonly exchange: Exchange,
    readonly status = 200,
  ) {}
  attach(_source: BodySource): void {}
  write(chunk: Uint8Array): boolean {
    this.#body += Buffer.from(chunk).toString("latin1");
    return true;
  }
  flush(): void {}
  end(trailers: Fields | null): void {
    const { method, path, query } = this.exchange.request;
    const tail = trailers === null ? "" : `|${trailers.names[0]}=${trailers.values[0]}`;
    const text = `${method} ${path}${query}|${this.#body}${tail}`;
    this.exchange.respond(this.status, new Fields(), Buffer.from(text, "latin1"));
  }
  abort(error: Error): void {
    aborted.push(error.message);
    if (this.exchange.aborted) return;
    this.exchange.respond(400, new Fields(), Buffer.from("aborted"));
  }
}

const aborted: string[] = [];
const open: Exchange[] = [];

function handle(exchange: Exchange): void {
  const { request } = exchange;
  if (request.path === "/hold") {
    open.push(exchange);
    exchange.onAbort = () => aborted.push("client left /hold");
    return;
  }
  if (request.path === "/mistake") throw new Error("a mistake of the program");
  if (request.path === "/early") {
    exchange.respond(200, new Fields(), Buffer.from("early"));
    return;
  }
  if (request.path === "/stream") {
    const sink = exchange.sendHead(200, "OK", new Fields(), { kind: "chunked" });
    sink.write(Buffer.from("one"));
    sink.write(Buffer.from("two"));
    sink.end(Fields.of(["X-Sum", "6"]));
    return;
  }
  if (request.body === null) new Echo(exchange).end(null);
  else pipe(request.body, new Echo(exchange));
}

const logger = new RecordingLogger();
const listener = new HttpPort({
  bind: "127.0.0.1",
  port: 0,
  showsErrorCodes: true,
  limits: { ...clientLimits, headerTimeoutMs: 200, maxHeaderBytes: 100_000 },
  clock: systemClock,
  logger,
  descriptors: new DescriptorGuard(systemClock, logger),
  proxyPeers: null,
  handle,
});
afterAll(() => listener.destroy());

interface Conversation {
  received: string;
  closed: boolean;
}

/** Sends the pieces one after the other and resolves when the server closes or `until` holds. */
async function talk(
  pieces: (string | Buffer)[],
  until: (text: string) => boolean = () => false,
  options: { fin?: boolean } = {},
): Promise<Conversation> {
  const done = Promise.withResolvers<Conversation>();
  let received = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: listener.port,
    allowHalfOpen: true,
    socket: {
      data(socket, chunk) {
        received += chunk.toString("latin1");
        if (until(received)) {
          done.resolve({ received, closed: false });
          socket.end();
        }
      },
      end(socket) {
        done.resolve({ received, closed: true });
        socket.end();
      },
      close() {
        done.resolve({ received, closed: true });
      },
      error() {},
    },
  });
  for (const piece of pieces) {
    socket.write(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (options.fin === true) socket.shutdown();
  return done.promise;
}

const get = (path: string, extra = ""): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${extra}\r\n`;
const count = (text: string, part: string): number => text.split(part).length - 1;

describe("an HTTP/1.1 connection", () => {
  test("answers a request and closes when asked to", async () => {
    const { received, closed } = await talk([get("/x?y=1", "Connection: close\r\n")]);
    expect(received).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(received).toContain("Connection: close\r\n");
    expect(received).toEndWith("\r\n\r\nGET /x?y=1|");
    expect(closed).toBe(true);
  });

  test("reads a request that comes byte by byte", async () => {
    const text = `POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello`;
    const { received } = await talk([...text]);
    expect(received).toEndWith("POST /b|hello");
  });

  test("answers pipelined requests in order, each once", async () => {
    const paths = Array.from({ length: 500 }, (_, i) => `/${i}`);
    const all = paths.map((path) => get(path)).join("") + get("/last", "Connection: close\r\n");
    const { received } = await talk([all]);
    const answered = [...received.matchAll(/GET (\/\w+)\|/g)].map((match) => match[1]);
    expect(answered).toEqual([...paths, "/last"]);
  });

  test("answers pipelined requests that follow an upload", async () => {
    const upload =
      "POST /u HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n";
    const { received } = await talk([upload + get("/after", "Connection: close\r\n")]);
    expect(received).toContain("POST /u|abc|X-T=1");
    expect(received).toEndWith("GET /after|");
  });

  test("answers requests pipelined before a half-close", async () => {
    const { received } = await talk([get("/1") + get("/2")], undefined, { fin: true });
    expect(received).toContain("GET /1|");
  });

  test("sends 100 Continue only when the body is read", async () => {
    const head =
      "POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
    const { received } = await talk([head, "ok"]);
    expect(received).toStartWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK");
    const early = await talk([head.replace("/c", "/early")], (text) => text.endsWith("early"));
    expect(early.received).not.toContain("100 Continue");
    expect(early.received).toContain("Connection: close");
  });

  test("streams chunked with trailers to HTTP/1.1 and until close to HTTP/1.0", async () => {
    const chunked = await talk([get("/stream", "Connection: close\r\n")]);
    expect(chunked.received).toContain("Transfer-Encoding: chunked\r\n");
    expect(chunked.received).toEndWith("3\r\none\r\n3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n");
    const old = await talk(["GET /stream HTTP/1.0\r\nHost: a\r\n\r\n"]);
    expect(old.received).not.toContain("Transfer-Encoding");
    expect(old.received).toEndWith("\r\n\r\nonetwo");
  });

  test("keeps an HTTP/1.0 connection open when the client asks for it", async () => {
    const request = "GET /k HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    const { received } = await talk([request, request], (text) => count(text, "GET /k|") === 2);
    expect(count(received, "Connection: keep-alive")).toBe(2);
  });

  test("sends no body to HEAD", async () => {
    const { received } = await talk(["HEAD /h HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]);
    expect(received).toContain("Content-Length: 8\r\n");
    expect(received).toEndWith("\r\n\r\n");
  });

  test("throws a small unread upload away and keeps the connection", async () => {
    const upload = `POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n`;
    const { received } = await talk([upload, "0123456789", get("/next", "Connection: close\r\n")]);
    expect(received).toContain("early");
    expect(received).toEndWith("GET /next|");
  });

  test("closes after an early answer to a large upload, with the answer readable", async () => {
    const head = `POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n`;
    const { received, closed } = await talk([head, Buffer.alloc(300_000), Buffer.alloc(300_000)]);
    expect(received).toContain("Connection: close");
    expect(received).toEndWith("early");
    expect(closed).toBe(true);
  });

  test("lets a client send all of a large upload before it reads the early answer", async () => {
    const upload = Buffer.alloc(20_000_000);
    const head = `POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: ${upload.length}\r\n\r\n`;
    const socket = connect({ port: listener.port, host: "127.0.0.1", allowHalfOpen: true });
    const { promise: written, resolve } = Promise.withResolvers<Error | null | undefined>();
    socket.on("error", resolve);
    socket.write(head);
    socket.write(upload, resolve);
    expect(await written).toBeNil();
    socket.end();
    const received = Buffer.concat(await Array.fromAsync<Buffer>(socket)).toString();
    expect(received).toEndWith("early");
  });

  test("tells the exchange when the client leaves", async () => {
    open.length = 0;
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: listener.port,
      socket: { data() {} },
    });
    socket.write(get("/hold"));
    while (open.length === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.end();
    while (!aborted.includes("client left /hold")) await new Promise((r) => setImmediate(r));
    expect(open[0]!.aborted).toBe(true);
  });

  test("answers 408 to a head that stops coming", async () => {
    const { received, closed } = await talk(["GET / HTTP/1.1\r\nHo"]);
    expect(received).toStartWith("HTTP/1.1 408 ");
    expect(closed).toBe(true);
  });
});

test("a mistake of the program costs its own connection, and is logged", async () => {
  const { received, closed } = await talk([get("/mistake")]);
  expect([received, closed]).toEqual(["", true]);
  const entry = logger.find("Connection failed inside the proxy");
  expect(entry?.fields["error"]).toContain("a mistake of the program");
});

describe("an HTTP/1.1 connection refuses and closes", () => {
  const cases: [what: string, bytes: string, status: number][] = [
    ["a malformed request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["nonsense before the end of the head", "\x16\x03\x01\x02\x00\x01", 400],
    ["a bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400],
    ["a missing Host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
    [
      "length and coding at once",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      400,
    ],
    [
      "an unknown coding",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      501,
    ],
    ["a broken escape in the path", get("/%zz"), 400],
    ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405],
    ["an unknown expectation", get("/", "Expect: gold\r\n"), 417],
    ["an unknown version", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505],
    ["what only begins as the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\n", 505],
    [
      "a head beyond the limit",
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(110_000)}\r\n\r\n`,
      431,
    ],
    [
      "a malformed chunk",
      "POST /u HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      400,
    ],
  ];
  for (const [what, bytes, status] of cases) {
    test(what, async () => {
      const { received, closed } = await talk([bytes + get("/smuggled")]);
      expect(received).toMatch(/^HTTP\/1\.1 \d\d\d /);
      const got = Number(received.slice(9, 12));
      expect([status, ...(what.startsWith("the preface") ? [505] : [])]).toContain(got);
      expect(received).not.toContain("smuggled");
      expect(closed).toBe(true);
    });
  }
});
