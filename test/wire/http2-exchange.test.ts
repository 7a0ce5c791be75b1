/** Requests and responses over HTTP/2, with a handler in place of the pipeline. */
import { afterEach, describe, expect, test } from "bun:test";
import { clientLimits } from "../../src/config/defaults.ts";
import type { BodySink, BodySource } from "../../src/protocols/http/body.ts";
import { pipe } from "../../src/protocols/http/body.ts";
import { chunkedBody, noBody } from "../../src/protocols/http/body-framing.ts";
import { Fields } from "../../src/protocols/http/fields.ts";
import type { Exchange } from "../../src/protocols/http/exchange.ts";
import { answerWithBodyLength } from "../support/counting-answer.ts";
import { connectHttp2, Http2Connection } from "../support/http2-connection.ts";
import {
  dataFrame,
  flags,
  frameTypes,
  headersFrame,
  largeHeadFrames,
  resetFrame,
} from "../support/http2-frames.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { TlsSite, type TlsSiteOptions } from "../support/tls-site.ts";
import { waitFor } from "../support/wait-for.ts";

let site: TlsSite;
afterEach(() => site[Symbol.dispose]());

function serve(handle: (exchange: Exchange) => void, options: TlsSiteOptions = {}): void {
  site = new TlsSite(handle, options);
}

async function ask(method = "GET", init: RequestInit = {}): Promise<Response> {
  return fetch(`https://127.0.0.1:${site.port}/x`, {
    method,
    protocol: "http2",
    tls: { rejectUnauthorized: false },
    ...init,
  });
}

const get: [string, string][] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "app.test"],
  [":path", "/x"],
];
const post: [string, string][] = [[":method", "POST"], ...get.slice(1)];

function length(bytes: number): { kind: "length"; length: number } {
  return { kind: "length", length: bytes };
}

/** A source that gives numbered chunks until it is held back, `count` in all. */
class Chunks implements BodySource {
  given = 0;
  #sink: BodySink | null = null;
  #held = false;
  constructor(
    readonly count: number,
    readonly bytes: number,
  ) {}
  get held(): boolean {
    return this.#held;
  }
  start(sink: BodySink): void {
    this.#sink = sink;
    this.#give();
  }
  pause(): void {
    this.#held = true;
  }
  resume(): void {
    this.#held = false;
    this.#give();
  }
  cancel(): void {
    this.#sink = null;
  }
  #give(): void {
    const sink = this.#sink;
    if (sink === null) return;
    while (!this.#held && this.given < this.count) {
      const chunk = Buffer.alloc(this.bytes, this.given++ % 251);
      if (!sink.write(chunk)) this.#held = true;
      sink.flush();
    }
    if (this.given < this.count) return;
    this.#sink = null;
    sink.end(null);
  }
}

function expectNumbered(body: Buffer, chunks: Chunks): void {
  expect(body.length).toBe(chunks.count * chunks.bytes);
  for (let i = 0; i < chunks.count; i++) {
    expect(body[i * chunks.bytes]).toBe(i % 251);
    expect(body[(i + 1) * chunks.bytes - 1]).toBe(i % 251);
  }
}

describe("a response", () => {
  test.each([
    ["with a type", Fields.of(["Content-Type", "text/html"]), "text/html"],
    ["without a type", new Fields(), null],
  ])("of known length keeps it, %s", async (_what, fields, type) => {
    serve((exchange) => exchange.respond(200, fields.copy(), Buffer.alloc(100_000, "a")));
    const response = await ask();
    expect(response.headers.get("content-length")).toBe("100000");
    expect(response.headers.get("content-type")).toBe(type);
    expect(await response.text()).toBe("a".repeat(100_000));
    expect(site.exchanges[0]).toMatchObject({ status: 200, bodyBytesSent: 100_000 });
  });

  test("of no bytes says so", async () => {
    serve((exchange) => exchange.respond(404, new Fields(), Buffer.alloc(0)));
    const response = await ask();
    expect([response.status, response.headers.get("content-length")]).toEqual([404, "0"]);
    expect(response.headers.has("content-type")).toBe(false);
  });

  test("to HEAD has the length that the target gave, or none", async () => {
    let fields = Fields.of(["Content-Length", "1234"]);
    serve((exchange) => exchange.sendHead(200, "OK", fields, noBody).end(null));
    expect((await ask("HEAD")).headers.get("content-length")).toBe("1234");
    fields = new Fields();
    expect((await ask("HEAD")).headers.has("content-length")).toBe(false);
  });

  test.each([204, 304])("of status %d has no body", async (status) => {
    serve((exchange) =>
      exchange.sendHead(status, "", Fields.of(["ETag", '"a"']), noBody).end(null),
    );
    const response = await ask();
    expect([response.status, response.headers.get("etag")]).toEqual([status, '"a"']);
    expect(await response.text()).toBe("");
  });

  test("keeps repeated cookies, bytes above ASCII, its Date, and no connection field", async () => {
    const fields = Fields.of(
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
      ["X-Name", "caf\xe9"],
      ["Date", "Thu, 01 Jan 1970 00:00:00 GMT"],
      ["Connection", "close"],
      ["Keep-Alive", "timeout=5"],
      ["Upgrade", "h2c"],
    );
    serve((exchange) => exchange.respond(200, fields, Buffer.from("x")));
    const { headers } = await ask();
    expect(headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(headers.get("x-name")).toBe("caf\xe9");
    expect(headers.get("date")).toBe("Thu, 01 Jan 1970 00:00:00 GMT");
    for (const name of ["connection", "keep-alive", "upgrade"]) {
      expect(headers.has(name)).toBe(false);
    }
  });

  test("announces HTTP/3", async () => {
    serve((exchange) => exchange.respond(200, new Fields(), Buffer.from("x")), {
      altSvc: 'h3=":443"',
    });
    expect((await ask()).headers.get("alt-svc")).toBe('h3=":443"');
  });

  test.each([200, 418, 599, 799])("of status %d has it", async (status) => {
    serve((exchange) => exchange.respond(status, new Fields(), Buffer.from("x")));
    expect((await ask()).status).toBe(status);
  });

  test("has its head before its body, and each piece when it comes", async () => {
    let sink: BodySink | null = null;
    serve((exchange) => {
      const fields = Fields.of(["Content-Length", "6"]);
      sink = exchange.sendHead(200, "OK", fields, length(6));
      sink.flush();
    });
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, get));
    await waitFor(() => client.heads(1).length === 1, "the head");
    expect(client.heads(1)[0]).toContainEqual(["content-length", "6"]);
    expect(client.body(1).length).toBe(0);
    sink!.write(Buffer.from("abc"));
    sink!.flush();
    await waitFor(() => client.body(1).length === 3, "the first bytes");
    sink!.write(Buffer.from("def"));
    sink!.end(null);
    expect(await client.ended(1)).toBe("ended");
    expect(client.body(1).toString()).toBe("abcdef");
  });
});

describe("a body that streams", () => {
  test.each([
    ["unknown", chunkedBody],
    ["known", length(64 * 16_384)],
  ])("is held back by the client's window, length %s", async (_what, framing) => {
    const chunks = new Chunks(64, 16_384);
    serve((exchange) => pipe(chunks, exchange.sendHead(200, "OK", new Fields(), framing)));
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, get));
    await waitFor(() => client.body(1).length === 65_535, "the first window");
    await waitFor(() => chunks.held, "the source to be held");
    expect(chunks.given).toBeLessThan(10);
    client.openWindow(0, 10_000_000).openWindow(1, 10_000_000);
    expect(await client.ended(1)).toBe("ended");
    expectNumbered(client.body(1), chunks);
  });

  test("one that is not read does not block another", async () => {
    serve((exchange) =>
      pipe(new Chunks(64, 16_384), exchange.sendHead(200, "OK", new Fields(), chunkedBody)),
    );
    using client = await Http2Connection.open(site.port);
    client.openWindow(0, 10_000_000).send(headersFrame(1, get));
    await waitFor(() => client.body(1).length === 65_535, "the first window");
    client.send(headersFrame(3, get)).openWindow(3, 10_000_000);
    expect(await client.ended(3)).toBe("ended");
    expect(client.outcome(1)).toBeNull();
  });

  test("passes each piece at once", async () => {
    let sink: BodySink | null = null;
    serve((exchange) => {
      sink = exchange.sendHead(200, "OK", new Fields(), chunkedBody);
      sink.write(Buffer.from("one"));
      sink.flush();
    });
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, get));
    await waitFor(() => client.body(1).toString() === "one", "the first piece");
    sink!.write(Buffer.from("two"));
    sink!.flush();
    await waitFor(() => client.body(1).toString() === "onetwo", "the second piece");
  });
});

describe("an incomplete response is reset, never ended", () => {
  const cases: [string, (exchange: Exchange) => void][] = [
    ["cut before its head", (exchange) => exchange.cut()],
    [
      "cut while its body is collected",
      (exchange) => {
        const sink = exchange.sendHead(200, "OK", new Fields(), length(10));
        sink.write(Buffer.from("abc"));
        exchange.cut();
      },
    ],
    [
      "cut before the first byte of its stream",
      (exchange) => {
        exchange.sendHead(200, "OK", new Fields(), chunkedBody).abort(new Error("broken"));
      },
    ],
    [
      "cut later",
      (exchange) => {
        const sink = exchange.sendHead(200, "OK", new Fields(), chunkedBody);
        sink.write(Buffer.from("abc"));
        sink.flush();
        setTimeout(() => sink.abort(new Error("broken")), 5);
      },
    ],
    [
      "ended too early",
      (exchange) => {
        const sink = exchange.sendHead(200, "OK", new Fields(), length(10));
        sink.write(Buffer.from("abc"));
        sink.end(null);
      },
    ],
  ];
  test.each(cases)("%s", async (_what, handle) => {
    serve(handle);
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, get));
    expect(await client.ended(1)).toBe("reset");
    client.send(headersFrame(3, get));
    expect(await client.ended(3)).toBe("reset");
    expect(site.exchanges).toHaveLength(2);
  });
});

describe("a client that leaves", () => {
  test.each(["reset", "connection"])("is heard of: %s", async (how) => {
    let aborts = 0;
    serve((exchange) => {
      exchange.onAbort = () => aborts++;
    });
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, get));
    await waitFor(() => site.exchanges.length === 1, "the request");
    if (how === "reset") client.send(resetFrame(1));
    else client.raw.reset();
    await waitFor(() => aborts > 0, "the abort");
    expect(site.exchanges[0]!.aborted).toBe(true);
    // What the pipeline does then changes nothing.
    site.exchanges[0]!.cut();
    expect(aborts).toBe(1);
  });

  test("after the whole answer is none that aborts", async () => {
    let aborts = 0;
    serve((exchange) => {
      exchange.onAbort = () => aborts++;
      exchange.respond(200, new Fields(), Buffer.from("x"));
    });
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, get));
    await client.ended(1);
    client.raw.close();
    await client.raw.receiveAll();
    await site.listener.finish();
    expect([aborts, site.exchanges[0]!.aborted]).toEqual([0, false]);
  });
});

describe("an upload", () => {
  test("is read as far as the sink takes it, and on when it takes more", async () => {
    let received = 0;
    let source: BodySource | null = null;
    serve((exchange) => {
      pipe(exchange.request.body!, {
        attach: (attached) => (source = attached),
        write(chunk) {
          received += chunk.length;
          return false;
        },
        flush() {},
        end: () => exchange.respond(200, new Fields(), Buffer.from(String(received))),
        abort() {},
      });
    });
    const total = 4_000_000;
    const response = ask("POST", { body: Buffer.alloc(total, "u") });
    await waitFor(() => received > 0, "the first bytes");
    const first = received;
    expect(first).toBeLessThan(total);
    let done = false;
    void response.finally(() => (done = true));
    await waitFor(() => {
      source!.resume();
      return done;
    }, "the answer");
    expect(await (await response).text()).toBe(String(total));
  });

  test("can be answered before it is complete: the answer ends, then the stream is reset without error", async () => {
    serve((exchange) => exchange.respond(413, new Fields(), Buffer.from("early")));
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, post, false), dataFrame(1, "abc", false));
    const isReset = (): boolean =>
      client.frames.some(({ type }) => type === frameTypes.resetStream);
    await waitFor(isReset, "the reset");
    const ofStream = client.frames.filter(({ stream }) => stream === 1);
    expect(client.body(1).toString()).toBe("early");
    expect(ofStream.at(-2)!.flags & flags.endStream).toBe(flags.endStream);
    expect(ofStream.at(-1)!.payload.readUInt32BE(0)).toBe(0);
    // What the client has sent meanwhile is forgotten, and the connection goes on.
    client.send(dataFrame(1, "more", true), headersFrame(3, get));
    expect(await client.ended(3)).toBe("ended");
  });

  test("is taken while nobody takes others on the same connection", async () => {
    serve((exchange) => {
      if (exchange.request.path === "/last") answerWithBodyLength(exchange);
    });
    using client = await Http2Connection.open(site.port);
    let sentBytes = 0;
    const mayBeSent = (): number => {
      const updates = client.frames.filter((f) => f.type === frameTypes.windowUpdate);
      const ofConnection = updates.filter(({ stream }) => stream === 0);
      return ofConnection.reduce((sum, f) => sum + f.payload.readUInt32BE(0), 65_535) - sentBytes;
    };
    const upload = async (stream: number, path: string): Promise<void> => {
      client.send(headersFrame(stream, [...post.slice(0, 3), [":path", path]], false));
      for (let i = 1; i <= 4; i++) {
        await waitFor(() => mayBeSent() >= 16_000, `room for upload ${path}`);
        client.send(dataFrame(stream, "u".repeat(16_000), i === 4));
        sentBytes += 16_000;
      }
    };
    for (const stream of [1, 3, 5, 7, 9]) await upload(stream, "/held");
    await upload(11, "/last");
    expect(await client.ended(11)).toBe("ended");
    expect(client.body(11).toString()).toBe("64000");
  });

  test("of which nobody takes anything is limited by the window", async () => {
    serve(() => {});
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, post, false));
    for (let i = 0; i < 4; i++) client.send(dataFrame(1, "a".repeat(16_000), false));
    client.send(headersFrame(3, get));
    await waitFor(() => site.exchanges.length === 2, "the requests");
    expect(client.outcome(1)).toBeNull();
    client.send(dataFrame(1, "a".repeat(16_000), false));
    expect(await client.ended(1)).not.toBe("ended");
  });
});

describe("time limits", () => {
  test("an idle connection is closed", async () => {
    const clock = new ManualClock();
    serve((exchange) => exchange.respond(200, new Fields(), Buffer.from("x")), { clock });
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, get));
    await client.ended(1);
    clock.advance(clientLimits.idleTimeoutMs - 1_000);
    expect(client.raw.peerEnded).toBe(false);
    clock.advance(2_000);
    await client.raw.receiveAll();
  });

  test("a connection without a request is closed after the head timeout", async () => {
    const clock = new ManualClock();
    serve(() => {}, { clock });
    using raw = await connectHttp2(site.port);
    await waitFor(() => clock.pendingTimers > 0, "the connection");
    clock.advance(clientLimits.headerTimeoutMs + 1_000);
    await raw.receiveAll();
  });

  test("a client that takes nothing for long counts as gone", async () => {
    const clock = new ManualClock();
    const chunks = new Chunks(64, 16_384);
    serve((exchange) => pipe(chunks, exchange.sendHead(200, "OK", new Fields(), chunkedBody)), {
      clock,
    });
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, get));
    await waitFor(() => chunks.held, "the source to be held");
    clock.advance(clientLimits.stallTimeoutMs - 1_000);
    expect(site.exchanges[0]!.aborted).toBe(false);
    clock.advance(2_000);
    expect(site.exchanges[0]!.aborted).toBe(true);
  });

  test("a request under way is not an idle connection", async () => {
    const clock = new ManualClock();
    serve(() => {}, { clock });
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, get));
    await waitFor(() => site.exchanges.length === 1, "the request");
    clock.advance(10 * clientLimits.idleTimeoutMs);
    site.exchanges[0]!.respond(200, new Fields(), Buffer.from("late"));
    expect(await client.ended(1)).toBe("ended");
  });
});

describe("finish", () => {
  test("says GOAWAY, lets the open stream end, then closes", async () => {
    serve(() => {});
    using busy = await Http2Connection.open(site.port);
    using idle = await Http2Connection.open(site.port);
    busy.send(headersFrame(1, get));
    await waitFor(() => site.exchanges.length === 1, "the request");
    const finished = site.listener.finish();
    await idle.raw.receiveAll();
    const goAways = (): number[][] =>
      busy.frames
        .filter(({ type }) => type === frameTypes.goAway)
        .map(({ payload }) => [payload.readUInt32BE(0), payload.readUInt32BE(4)]);
    await waitFor(() => goAways().length === 2, "both GOAWAY");
    // RFC 9113 6.8: first one that refuses nothing, since requests may be on their way.
    expect(goAways()).toEqual([
      [0x7f_ff_ff_ff, 0],
      [1, 0],
    ]);
    expect(busy.raw.peerEnded).toBe(false);
    site.exchanges[0]!.respond(200, new Fields(), Buffer.from("late"));
    expect(await busy.ended(1)).toBe("ended");
    expect(busy.body(1).toString()).toBe("late");
    await finished;
    await waitFor(() => busy.raw.peerEnded, "the close");
  });

  test("refuses requests that come behind the last GOAWAY, and the open stream ends all the same", async () => {
    serve(() => {});
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, get));
    await waitFor(() => site.exchanges.length === 1, "the request");
    const finished = site.listener.finish();
    const goAways = (): number =>
      client.frames.filter(({ type }) => type === frameTypes.goAway).length;
    await waitFor(() => goAways() === 2, "both GOAWAY");
    client.send(headersFrame(3, post, false), dataFrame(3, "late", true));
    expect(await client.ended(3)).toBe("reset");
    site.exchanges[0]!.respond(200, new Fields(), Buffer.from("late"));
    expect(await client.ended(1)).toBe("ended");
    await finished;
    expect(site.exchanges).toHaveLength(1);
  });
});

describe("a head", () => {
  function withCookies(count: number, bytes: number): [string, string][] {
    const cookies = Array.from({ length: count }, (_, i): [string, string] => {
      return ["cookie", `c${i}=${"a".repeat(bytes)}`];
    });
    return [...get, ...cookies];
  }

  test("of 60 KB passes whole", async () => {
    serve((exchange) => exchange.respond(200, new Fields(), Buffer.from("ok")));
    using client = await Http2Connection.open(site.port);
    client.send(largeHeadFrames(1, withCookies(6, 10_000)));
    expect(await client.ended(1)).toBe("ended");
    const cookies = site.exchanges[0]!.request.fields.get("cookie")!.split("; ");
    expect(cookies.map((cookie) => cookie.length)).toEqual(Array(6).fill(10_003));
  });

  test("above the configured limit reaches nobody", async () => {
    serve(() => {}, { limits: { maxHeaderBytes: 20_000 } });
    using client = await Http2Connection.open(site.port);
    client.send(largeHeadFrames(1, withCookies(3, 10_000)));
    await client.ended(1);
    expect(site.exchanges).toEqual([]);
  });
});
