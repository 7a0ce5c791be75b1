/** What HTTP/2 clients send that must never reach a target, frame by frame (RFC 9113 8). */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import type { BodySource } from "../../src/protocols/http/body.ts";
import { pipe } from "../../src/protocols/http/body.ts";
import { Fields } from "../../src/protocols/http/fields.ts";
import type { Exchange } from "../../src/protocols/http/exchange.ts";
import { connectHttp2, Http2Connection } from "../support/http2-connection.ts";
import { dataFrame, headersFrame, resetFrame } from "../support/http2-frames.ts";
import { TlsSite } from "../support/tls-site.ts";
import { waitFor } from "../support/wait-for.ts";

/** How the body of each request ended, in order. */
const bodies: string[] = [];

function answer(exchange: Exchange): void {
  const { body } = exchange.request;
  if (body === null) {
    bodies.push("none");
    exchange.respond(200, new Fields(), Buffer.from("ok"));
    return;
  }
  let text = "";
  pipe(body, {
    attach(_source: BodySource) {},
    write(chunk) {
      text += Buffer.from(chunk).toString("latin1");
      return true;
    },
    flush() {},
    end() {
      bodies.push(`complete: ${text}`);
      exchange.respond(200, new Fields(), Buffer.from("ok"));
    },
    abort(error) {
      bodies.push(`aborted: ${error.message}`);
    },
  });
}

const site = new TlsSite(answer);
afterAll(() => site[Symbol.dispose]());
afterEach(() => {
  bodies.length = 0;
  site.exchanges.length = 0;
});

type Field = [name: string, value: string];

/** A request with some pseudo fields changed; null leaves one out. */
function request(changes: Record<string, string | null> = {}, ...more: Field[]): Field[] {
  const pseudo = {
    ":method": "GET",
    ":scheme": "https",
    ":authority": "app.test",
    ":path": "/x",
    ...changes,
  };
  const present = Object.entries(pseudo).filter((entry): entry is Field => entry[1] !== null);
  return [...present, ...more];
}

const post = { ":method": "POST" };

const forbidden: [string, Field[]][] = [
  [
    "CONNECT",
    [
      [":method", "CONNECT"],
      [":authority", "app.test:443"],
    ],
  ],
  ["CONNECT of another protocol", request({ ":method": "CONNECT", ":protocol": "connect-udp" })],
  [":protocol without CONNECT", request({ ":protocol": "websocket" })],
  ["a method with a blank", request({ ":method": "GE T" })],
  ["an upper-case name", request({}, ["X-Upper", "1"])],
  ["an empty name", request({}, ["", "1"])],
  ["a name with a blank", request({}, ["a b", "1"])],
  ["a name with a colon", request({}, ["a:b", "1"])],
  ["a name with a byte above ASCII", request({}, ["caf\xe9", "1"])],
  ["CR in a value", request({}, ["a", "1\r2"])],
  ["LF in a value", request({}, ["a", "1\n2"])],
  ["a second field in a value", request({}, ["a", "1\r\nx: y"])],
  ["NUL in a value", request({}, ["a", "1\0"])],
  ["a control character in a value", request({}, ["a", "1\x01"])],
  ["DEL in a value", request({}, ["a", "1\x7f"])],
  ["connection", request({}, ["connection", "close"])],
  ["keep-alive", request({}, ["keep-alive", "5"])],
  ["proxy-connection", request({}, ["proxy-connection", "close"])],
  ["transfer-encoding", request({}, ["transfer-encoding", "chunked"])],
  ["upgrade", request({}, ["upgrade", "h2c"])],
  ["te other than trailers", request({}, ["te", "gzip"])],
  ["no :method", request({ ":method": null })],
  ["no :scheme", request({ ":scheme": null })],
  ["no :path", request({ ":path": null })],
  ["an empty :path", request({ ":path": "" })],
  ["a relative :path", request({ ":path": "x/y" })],
  ["a :path in absolute form", request({ ":path": "http://evil.test/" })],
  ["a :path of * with GET", request({ ":path": "*" })],
  ["CRLF in :path", request({ ":path": "/a\r\nx: y" })],
  ["a control character in :path", request({ ":path": "/a\x01" })],
  ["a broken escape in :path", request({ ":path": "/%zz" })],
  ["a repeated pseudo field", [[":method", "GET"], ...request()]],
  ["a pseudo field behind a field", [["a", "b"], ...request()]],
  ["an unknown pseudo field", request({ ":unknown": "1" })],
  ["a pseudo field of responses", request({ ":status": "200" })],
  ["neither :authority nor Host", request({ ":authority": null })],
  ["an empty :authority", request({ ":authority": "" })],
  ["userinfo in :authority", request({ ":authority": "user@app.test" })],
  ["a blank in :authority", request({ ":authority": "a b" })],
  ["a path in :authority", request({ ":authority": "app.test/x" })],
  ["a port out of range", request({ ":authority": "app.test:99999" })],
  ["Host beside another :authority", request({}, ["host", "other.test"])],
  ["several Host fields", request({ ":authority": null }, ["host", "a.test"], ["host", "b.test"])],
  ["an unknown expectation", request({}, ["expect", "something"])],
  ["two lengths", request(post, ["content-length", "2"], ["content-length", "3"])],
  ["a length with a sign", request(post, ["content-length", "+2"])],
  ["a length without a body", request(post, ["content-length", "2"])],
  ["a body with GET", request({}, ["content-length", "2"])],
];

describe("never forwarded:", () => {
  test.each(forbidden)("%s", async (_what, fields) => {
    using client = await Http2Connection.open(site.port);
    const method = fields.find(([name]) => name === ":method")?.[1];
    const hasBody = method === "CONNECT";
    client.send(headersFrame(1, fields, !hasBody));
    await client.ended(1);
    expect(site.exchanges).toEqual([]);
    // The refusal was about the request: the same connection, or at least the next, serves a good one.
    using next = await Http2Connection.open(site.port);
    next.send(headersFrame(1, request()));
    expect(await next.ended(1)).toBe("ended");
    expect(site.exchanges).toHaveLength(1);
  });

  test("bytes that are no preface", async () => {
    using raw = await connectHttp2(site.port);
    raw.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    expect((await raw.receiveAll()).toString()).toBe("");
    expect(site.exchanges).toEqual([]);
  });
});

describe("a body that does not fit", () => {
  test.each([
    ["shorter than announced", "5", "abc"],
    ["longer than announced", "2", "abc"],
  ])("is never complete: %s", async (_what, length, text) => {
    using client = await Http2Connection.open(site.port);
    client.send(
      headersFrame(1, request(post, ["content-length", length]), false),
      dataFrame(1, text, true),
    );
    expect(await client.ended(1)).not.toBe("ended");
    await waitFor(() => bodies.length === site.exchanges.length, "the body to end");
    for (const body of bodies) expect(body).toStartWith("aborted");
  });

  test("is never complete: trailers that are malformed", async () => {
    using client = await Http2Connection.open(site.port);
    client.send(
      headersFrame(1, request(post), false),
      dataFrame(1, "abc", false),
      headersFrame(1, [["x-sum", "1\r\n2"]], true),
    );
    expect(await client.ended(1)).not.toBe("ended");
    await waitFor(() => bodies.length === 1, "the body to end");
    expect(bodies[0]).toStartWith("aborted");
  });

  test("is never complete: reset by the client", async () => {
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, request(post), false), dataFrame(1, "abc", false));
    await waitFor(() => site.exchanges.length === 1, "the request");
    client.send(resetFrame(1));
    await waitFor(() => bodies.length === 1, "the body to end");
    expect(bodies).toEqual(["aborted: the client went away"]);
  });

  test("is never complete: connection lost", async () => {
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, request(post), false), dataFrame(1, "abc", false));
    await waitFor(() => site.exchanges.length === 1, "the request");
    client.raw.reset();
    await waitFor(() => bodies.length === 1, "the body to end");
    expect(bodies).toEqual(["aborted: the client went away"]);
  });
});

describe("forwarded as sent:", () => {
  async function forwarded(fields: Field[], body?: string): Promise<Exchange["request"]> {
    using client = await Http2Connection.open(site.port);
    client.send(headersFrame(1, fields, body === undefined));
    if (body !== undefined) client.send(dataFrame(1, body, true));
    expect(await client.ended(1)).toBe("ended");
    expect(site.exchanges).toHaveLength(1);
    return site.exchanges[0]!.request;
  }

  test("authority with its port becomes the one Host", async () => {
    const { host, hostName, fields } = await forwarded(request({ ":authority": "APP.Test:8443" }));
    expect([host, hostName]).toEqual(["APP.Test:8443", "app.test"]);
    expect(fields.all("host")).toEqual(["APP.Test:8443"]);
  });

  test("Host counts when there is no :authority", async () => {
    const { host } = await forwarded(request({ ":authority": null }, ["host", "h.test:8"]));
    expect(host).toBe("h.test:8");
  });

  test("cookie crumbs are joined", async () => {
    const { fields } = await forwarded(request({}, ["cookie", "a=1"], ["cookie", "b=2"]));
    expect(fields.all("cookie")).toEqual(["a=1; b=2"]);
  });

  test("bytes above ASCII in values", async () => {
    const { fields } = await forwarded(request({}, ["a", "caf\xe9 \xc3\xa9 \x80\xff"]));
    expect(fields.get("a")).toBe("caf\xe9 \xc3\xa9 \x80\xff");
  });

  test.each([
    ["/a//b?c=%20&d", "/a//b", "?c=%20&d"],
    ["/a?", "/a", "?"],
    ["/a#b?c", "/a%23b", "?c"],
    ["//evil.test/x", "//evil.test/x", ""],
    ["/%41;x=1/%2e%2e%2f", "/%41;x=1/%2e%2e%2f", ""],
  ])("path %p", async (sent, path, query) => {
    expect(await forwarded(request({ ":path": sent }))).toMatchObject({ path, query });
  });

  test.each(["PURGE", "PROPFIND", "TRACE", "DELETE", "QUERY"])("method %s", async (method) => {
    expect((await forwarded(request({ ":method": method }))).method).toBe(method);
  });

  test("te: trailers", async () => {
    expect((await forwarded(request({}, ["te", "trailers"]))).fields.get("te")).toBe("trailers");
  });

  test.each([
    [request(post, ["content-length", "2"]), "ab", { kind: "length", length: 2 }],
    [request(post), "ab", { kind: "chunked" }],
    [request(post, ["content-length", "0"]), undefined, { kind: "length", length: 0 }],
    [request(post), undefined, { kind: "none" }],
    [request(), undefined, { kind: "none" }],
  ] as const)("framing of %j with body %p", async (fields, body, framing) => {
    const { framing: seen } = await forwarded(fields as Field[], body);
    expect(seen).toEqual(framing);
    if (body !== undefined) expect(bodies).toEqual([`complete: ${body}`]);
  });
});
