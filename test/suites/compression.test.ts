/** --compress: the same over every protocol. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import zlib from "node:zlib";
import type { ProxyProcess } from "../support/proxy-process.ts";
import type { RawConnection } from "../support/raw-connection.ts";
import { type ScriptedApp, startScriptedApp } from "../support/scripted-app.ts";
import { type Answer, ask, type Carrier, type Field, valuesOf } from "./carrier.ts";
import { http3 } from "./http3-carrier.ts";
import { carriers, portOf, startSite } from "./site.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await startSite(app.address, {
    flags: [
      "--compress=zstd,br,gzip",
      "--compress-type=text/*",
      "--compress-type=application/json",
      "--compress-type=application/*+json",
    ],
  });
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

const words = Array.from({ length: 9_000 }, (_, i) => `word${(i * 7919) % 613}`);
const page = Buffer.from(`<!doctype html>${words.join(" ")}`);

const answerOf = (fields: readonly string[], body: Uint8Array = page, status = "200 OK"): Buffer =>
  Buffer.concat([
    Buffer.from(
      [`HTTP/1.1 ${status}`, ...fields, `Content-Length: ${body.length}`, "", ""].join("\r\n"),
    ),
    body,
  ]);
const html = "Content-Type: text/html; charset=utf-8";

beforeEach(() => {
  app.answer = () => answerOf([html]);
});

function decoded({ fields, body }: Answer): Buffer {
  switch (valuesOf(fields, "content-encoding").join()) {
    case "zstd":
      return zlib.zstdDecompressSync(body);
    case "br":
      return zlib.brotliDecompressSync(body);
    case "gzip":
      return zlib.gunzipSync(body);
    default:
      return body;
  }
}

describe.each(carriers)("over $name", (carrier: Carrier) => {
  const get = (accepted: string, more: Field[] = [], method = "GET"): Promise<Answer> =>
    ask(carrier, portOf(proxy, carrier), {
      method,
      path: "/page",
      fields: [["Accept-Encoding", accepted], ...more],
    });
  const codingOf = ({ fields }: Answer): string => valuesOf(fields, "content-encoding").join();

  test.each(["zstd", "br", "gzip"])("%s for who accepts it", async (coding) => {
    app.answer = () => answerOf([html, 'ETag: "v1"', "Accept-Ranges: bytes", "Vary: Cookie"]);
    const answer = await get(`${coding}, identity;q=0.5`);
    expect([answer.status, codingOf(answer)]).toEqual([200, coding]);
    expect(answer.body.length).toBeLessThan(page.length / 2);
    expect(decoded(answer).equals(page)).toBe(true);
    expect(valuesOf(answer.fields, "etag")).toEqual(['W/"v1"']);
    expect(valuesOf(answer.fields, "accept-ranges")).toEqual([]);
    expect(valuesOf(answer.fields, "vary").join(", ")).toBe("Cookie, Accept-Encoding");
    const lengths = valuesOf(answer.fields, "content-length");
    expect(lengths.every((length) => Number(length) === answer.body.length)).toBe(true);
  });

  test("the first of the setting where the client has no preference", async () => {
    expect(codingOf(await get("gzip, deflate, br, zstd"))).toBe("zstd");
    expect(codingOf(await get("gzip, br;q=0.9"))).toBe("gzip");
  });

  test("as it is, but known to vary, for who accepts none", async () => {
    const answer = await get("identity");
    expect(codingOf(answer)).toBe("");
    expect(answer.body.equals(page)).toBe(true);
    expect(valuesOf(answer.fields, "content-length")).toEqual([String(page.length)]);
    expect(valuesOf(answer.fields, "vary")).toEqual(["Accept-Encoding"]);
  });

  const gzipped = zlib.gzipSync(page);
  test.each<[string, Buffer]>([
    ["of another type", answerOf(["Content-Type: image/png"])],
    ["without a type", answerOf([])],
    ["that is small", answerOf([html], page.subarray(0, 1023))],
    ["that has a coding", answerOf([html, "Content-Encoding: gzip"], gzipped)],
    ["that nobody may transform", answerOf([html, "Cache-Control: private, No-Transform"])],
    [
      "that is a part",
      answerOf([html, "Content-Range: bytes 0-9/99"], page, "206 Partial Content"),
    ],
    ["with a digest", answerOf([html, "Repr-Digest: sha-256=:AA==:"])],
  ])("a response %s goes as it is", async (_kind, bytes) => {
    app.answer = () => bytes;
    const answer = await get("zstd, br, gzip");
    const head = bytes.toString("latin1");
    expect(codingOf(answer)).toBe(head.includes("Content-Encoding: gzip") ? "gzip" : "");
    expect(answer.body.equals(bytes.subarray(head.indexOf("\r\n\r\n") + 4))).toBe(true);
    expect(valuesOf(answer.fields, "vary")).toEqual([]);
  });

  test("an error page of the app is compressed as well, and media types ignore case", async () => {
    app.answer = () => answerOf(["Content-Type: Application/Problem+JSON"], page, "422 No");
    const answer = await get("br");
    expect([answer.status, codingOf(answer), decoded(answer).equals(page)]).toEqual([
      422,
      "br",
      true,
    ]);
  });

  test("HEAD tells what GET would, without a body", async () => {
    app.answer = () =>
      `HTTP/1.1 200 OK\r\n${html}\r\nETag: "v1"\r\nContent-Length: ${page.length}\r\n\r\n`;
    const answer = await get("zstd", [], "HEAD");
    expect([answer.status, codingOf(answer), answer.body.length]).toEqual([200, "zstd", 0]);
    expect(valuesOf(answer.fields, "etag")).toEqual(['W/"v1"']);
    expect(valuesOf(answer.fields, "content-length")).not.toContain(String(page.length));
  });

  test("304 keeps the tag that the client got from here, 204 stays bare", async () => {
    app.answer = () => 'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n';
    const weak = await get("zstd", [["If-None-Match", 'W/"v1"']]);
    expect([weak.status, ...valuesOf(weak.fields, "etag")]).toEqual([304, 'W/"v1"']);
    const strong = await get("zstd", [["If-None-Match", '"v1"']]);
    expect([strong.status, ...valuesOf(strong.fields, "etag")]).toEqual([304, '"v1"']);
    app.answer = () => `HTTP/1.1 204 No Content\r\n${html}\r\n\r\n`;
    const none = await get("zstd");
    expect([none.status, codingOf(none), none.body.length]).toEqual([204, "", 0]);
  });

  test.each(["zstd", "br", "gzip"])("%s of 3 MB in chunks arrives whole", async (coding) => {
    const chunk = Buffer.concat([page, Buffer.from(String(Math.PI))]);
    const count = Math.ceil(3_000_000 / chunk.length);
    app.answer = () =>
      Buffer.concat([
        Buffer.from(`HTTP/1.1 200 OK\r\n${html}\r\nTransfer-Encoding: chunked\r\n\r\n`),
        ...Array.from({ length: count }, () =>
          Buffer.concat([
            Buffer.from(`${chunk.length.toString(16)}\r\n`),
            chunk,
            Buffer.from("\r\n"),
          ]),
        ),
        Buffer.from("0\r\n\r\n"),
      ]);
    const answer = await get(coding);
    expect(codingOf(answer)).toBe(coding);
    expect(decoded(answer).equals(Buffer.concat(Array.from({ length: count }, () => chunk)))).toBe(
      true,
    );
  });

  // Over HTTP/3 it is left open: the suite of behaviour says so.
  if (carrier === http3) return;
  test("a response that breaks off never looks complete", async () => {
    app.answer = (_request, connection) => {
      connection.send(
        `HTTP/1.1 200 OK\r\n${html}\r\nContent-Length: 99999\r\n\r\n${page.toString().slice(0, 5000)}`,
      );
      connection.close();
      return null;
    };
    const outcome = await get("gzip").then(
      (answer) => {
        try {
          return decoded(answer).length;
        } catch {
          return "broken";
        }
      },
      () => "broken",
    );
    expect(outcome).toBe("broken");
  });
});

test.each(["zstd", "br", "gzip"])(
  "each event of a stream in %s arrives at once",
  async (coding) => {
    let appSide: RawConnection | null = null;
    app.answer = (_request, connection) => {
      appSide = connection;
      return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    };
    const response = await fetch(`http://localhost:${proxy.httpPort}/events`, {
      headers: { "Accept-Encoding": coding },
      decompress: true,
    });
    expect(response.headers.get("content-encoding")).toBe(coding);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let i = 0; i < 5; i++) {
      const event = `data: ${i}\n\n`;
      appSide!.send(`${event.length.toString(16)}\r\n${event}\r\n`);
      while (!text.endsWith(event)) text += (await reader.read()).value ?? "";
    }
    expect(text).toBe("data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n");
    await reader.cancel();
  },
);

test("HTTP/1.0 gets it to the end of the connection", async () => {
  const socket = await Bun.connect({
    hostname: "localhost",
    port: proxy.httpPort,
    socket: {
      data: (_socket, bytes) => void received.push(Buffer.from(bytes)),
      close: () => closed.resolve(),
    },
  });
  const received: Buffer[] = [];
  const closed = Promise.withResolvers<void>();
  socket.write("GET / HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n");
  await closed.promise;
  const all = Buffer.concat(received);
  const end = all.indexOf("\r\n\r\n");
  expect(all.subarray(0, end).toString()).toContain("Content-Encoding: gzip");
  expect(zlib.gunzipSync(all.subarray(end + 4)).equals(page)).toBe(true);
});
