/** HTTP/3 with Bun's own client, and a handler in place of the pipeline. */
import { afterEach, expect, test } from "bun:test";
import { clientLimits } from "../../src/config/defaults.ts";
import { Fields } from "../../src/protocols/http/fields.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Http3Port } from "../../src/data-plane/listeners/http3-port.ts";
import type { Exchange } from "../../src/protocols/http/exchange.ts";
import { answerWithBodyLength } from "../support/counting-answer.ts";
import { FakeCertificates, keyPair } from "../support/fake-certificates.ts";
import { Http3Client } from "../support/http3-client.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { waitFor } from "../support/wait-for.ts";

let listener: Http3Port;
const certificates = new FakeCertificates("localhost");
const exchanges: Exchange[] = [];
afterEach(() => {
  listener.destroy();
  certificates.onChange = null;
  exchanges.length = 0;
});

function serve(handle: (exchange: Exchange) => void): void {
  listener = new Http3Port({
    bind: "",
    port: 0,
    showsErrorCodes: true,
    limits: clientLimits,
    clock: systemClock,
    logger: new RecordingLogger(),
    certificates,
    altSvc: null,
    handle(exchange) {
      exchanges.push(exchange);
      handle(exchange);
    },
  });
}

async function ask(init: RequestInit = {}, host = "localhost"): Promise<Response> {
  return fetch(`https://${host}:${listener.port}/x?y`, {
    protocol: "http3",
    tls: { rejectUnauthorized: false },
    keepalive: false,
    ...init,
  });
}

test("a request comes with everything that routing needs", async () => {
  serve((exchange) => exchange.respond(200, new Fields(), Buffer.from("answer")));
  const response = await ask();
  expect(await response.text()).toBe("answer");
  expect(response.headers.get("content-length")).toBe("6");
  expect(exchanges[0]!.request).toMatchObject({
    protocol: "HTTP/3.0",
    scheme: "https",
    host: `localhost:${listener.port}`,
    path: "/x",
    query: "?y",
  });
});

test("no byte of a path is lost: it arrives escaped, or the request is refused", async () => {
  serve((exchange) => exchange.respond(200, new Fields(), Buffer.from(exchange.request.path)));
  await using client = await Http3Client.connect(listener.port);
  // Of the others NUL and line ends cost the connection; dots, slashes and `?` mean something.
  const meaningful = "\0\n\r./\\?";
  for (let byte = 0; byte < 256; byte++) {
    const character = String.fromCharCode(byte);
    if (meaningful.includes(character)) continue;
    for (const end of ["", "b", "/c/d"]) {
      const { status, body } = await client.get(`/a${character}${end}`);
      const sent = { byte, end, status, body };
      const isRefused = byte > 127 || "\t%".includes(character) || (byte < 32 && end === "");
      if (isRefused) expect(sent).toMatchObject({ status: "400" });
      else expect(decodeURIComponent(body)).toBe(`/a${character}${end}`);
    }
  }
});

test("blanks at the end of a path arrive, however long it is", async () => {
  serve((exchange) => exchange.respond(200, new Fields(), Buffer.from(exchange.request.path)));
  await using client = await Http3Client.connect(listener.port);
  for (const path of ["/", "/a/", "/a//", "//a", "/a//b", `/${"a/".repeat(31)}`, "/a%20"]) {
    expect((await client.get(`${path}  `)).body).toBe(`${path}%20%20`);
    expect((await client.get(`${path}\t`)).status).toBe("400");
    expect((await client.get(path)).body).toBe(path);
  }
});

test("a request with a connection field is refused", async () => {
  serve((exchange) => exchange.respond(200, new Fields(), Buffer.from("answer")));
  // The others are dropped by Bun's client.
  expect((await ask({ headers: { te: "gzip" } })).status).toBe(400);
  expect(exchanges).toEqual([]);
  expect((await ask({ headers: { te: "trailers" } })).status).toBe(200);
});

test("bodies pass both ways", async () => {
  serve(answerWithBodyLength);
  const response = await ask({ method: "POST", body: Buffer.alloc(300_000) });
  expect(await response.text()).toBe("300000");
});

test("a name without certificate is refused", async () => {
  serve((exchange) => exchange.respond(200, new Fields(), Buffer.from("x")));
  await expect(ask({}, "127.0.0.1")).rejects.toThrow();
  await ask();
  expect(exchanges).toHaveLength(1);
});

test("a new certificate is served on the same port", async () => {
  certificates.pairs.delete("localhost");
  serve((exchange) => exchange.respond(200, new Fields(), Buffer.from("x")));
  const { port } = listener;
  certificates.pairs.set("localhost", keyPair("localhost"));
  certificates.onChange!();
  const response = await waitFor(() => ask().catch(() => null), "the new certificate");
  expect(response.status).toBe(200);
  expect(listener.port).toBe(port);
});

test("finish waits for the answer under way", async () => {
  serve(() => {});
  const response = ask();
  await waitFor(() => exchanges.length === 1, "the request");
  let finished = false;
  const finishing = listener.finish().then(() => (finished = true));
  expect(finished).toBe(false);
  exchanges[0]!.respond(200, new Fields(), Buffer.from("late"));
  expect(await (await response).text()).toBe("late");
  await finishing;
});
