/** The https port: from the handshake to the first answer, and to the end. */
import { afterEach, describe, expect, test } from "bun:test";
import type { CertificateKeyPair } from "../../src/seam/handshake-certificates.ts";
import type { BodySource } from "../../src/protocols/http/body.ts";
import { pipe } from "../../src/protocols/http/body.ts";
import { Fields } from "../../src/protocols/http/fields.ts";
import type { Exchange } from "../../src/protocols/http/exchange.ts";
import { keyPair } from "../support/fake-certificates.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { shakeHands } from "../support/tls-client.ts";
import { TlsSite } from "../support/tls-site.ts";
import { waitFor } from "../support/wait-for.ts";

const held: Exchange[] = [];

function answer(exchange: Exchange): void {
  const { request } = exchange;
  if (request.path === "/hold") {
    held.push(exchange);
    return;
  }
  const text = `${request.protocol} ${request.scheme} ${request.host}${request.path}${request.query}`;
  exchange.respond(200, new Fields(), Buffer.from(text));
}

let site: TlsSite;
afterEach(() => {
  held.length = 0;
  site[Symbol.dispose]();
});

function connect(options: object = {}): Promise<RawConnection> {
  const tls = { serverName: "app.test", rejectUnauthorized: false, ...options };
  return connectRaw(site.port, { tls });
}

const get = "GET /a?b HTTP/1.1\r\nHost: app.test:8443\r\n\r\n";

describe("HTTP/1.1 over TLS", () => {
  test("is what a client without ALPN speaks", async () => {
    site = new TlsSite(answer);
    using client = await connect();
    client.send(get + get);
    const first = await client.receive("/a?b");
    expect(first).toContain("HTTP/1.1 https app.test:8443/a?b");
    expect(first).not.toContain("Alt-Svc");
    await client.receive("/a?b");
    expect(site.exchanges[0]!.request.client.address).toBe("127.0.0.1");
    expect(site.exchanges[0]!.request.client.port).toBe(client.localPort);
  });

  test("announces HTTP/3 in every answer, refusals as well", async () => {
    site = new TlsSite(answer, { altSvc: 'h3=":443"; ma=2592000' });
    using client = await connect({ ALPNProtocols: "\x08http/1.1" });
    client.send(get);
    expect(await client.receive("/a?b")).toContain('Alt-Svc: h3=":443"; ma=2592000\r\n');
    client.send("nonsense\r\n\r\n");
    const refusal = (await client.receiveAll()).toString();
    expect(refusal).toStartWith("HTTP/1.1 400");
    expect(refusal).toContain('Alt-Svc: h3=":443"; ma=2592000\r\n');
  });
});

test("a connection that switches protocols passes bytes both ways, each end on its own", async () => {
  site = new TlsSite((exchange) => {
    const { source, sink } = exchange.switchProtocols(
      "Switching Protocols",
      Fields.of(["Upgrade", "echo"]),
    );
    pipe(source, sink);
  });
  using client = await connect();
  client.send("GET /x HTTP/1.1\r\nHost: app.test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
  expect(await client.receive("\r\n\r\n")).toStartWith("HTTP/1.1 101 Switching Protocols\r\n");
  const much = "x".repeat(1_000_000);
  client.send(much);
  client.end();
  expect((await client.receiveAll()).toString()).toBe(much);
});

test("a large upload is read as far as it is wanted, and on from there", async () => {
  let received = 0;
  let source: BodySource | null = null;
  site = new TlsSite((exchange) =>
    pipe(exchange.request.body!, {
      attach: (attached) => (source = attached),
      write(chunk) {
        received += chunk.length;
        return false;
      },
      flush() {},
      end: () => exchange.respond(200, new Fields(), Buffer.from(`all ${received}`)),
      abort() {},
    }),
  );
  using client = await connect();
  const total = 20_000_000;
  client.send(`POST /x HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${total}\r\n\r\n`);
  client.send(Buffer.alloc(total));
  await waitFor(() => received > 0, "the first bytes");
  expect(received).toBeLessThan(1_000_000);
  await waitFor(() => {
    source!.resume();
    return client.unread.includes(`all ${total}`);
  }, "the answer");
});

describe("the choice of protocol", () => {
  test.each([
    [["http/1.1", "h2"], "h2"],
    [["http/1.1"], "http/1.1"],
    [["acme-tls/1", "http/1.1"], "http/1.1"],
  ])("of %p is %p", async (ALPNProtocols, protocol) => {
    site = new TlsSite(answer);
    expect((await shakeHands(site.port, { ALPNProtocols })).protocol).toBe(protocol);
  });

  test.each([[["h3"]], [["acme-tls/1"]]])("of %p is refused", async (ALPNProtocols) => {
    site = new TlsSite(answer);
    const shake = await shakeHands(site.port, { ALPNProtocols });
    expect(shake.error).toMatch(/alert no application protocol/);
  });
});

describe("while a name is validated by TLS-ALPN-01", () => {
  test("the validator gets the handshake, and then the end", async () => {
    site = new TlsSite(answer);
    site.certificates.challenges.add("app.test");
    const shake = await shakeHands(site.port, { ALPNProtocols: ["acme-tls/1"] });
    expect(shake).toMatchObject({ protocol: "acme-tls/1", certificate: "app.test" });
    expect(site.exchanges).toEqual([]);
  });

  test("other clients are refused, other names are served", async () => {
    site = new TlsSite(answer);
    site.certificates.pairs.set("b.test", keyPair("b.test"));
    site.certificates.challenges.add("app.test");
    const mixed = await shakeHands(site.port, { ALPNProtocols: ["acme-tls/1", "h2"] });
    expect(mixed.error).toMatch(/alert/);
    using silent = await connect();
    silent.send(get);
    expect((await silent.receiveAll()).toString()).toBe("");
    const other = await shakeHands(site.port, { name: "b.test", ALPNProtocols: ["h2"] });
    expect(other).toMatchObject({ protocol: "h2", error: null });
    expect(site.exchanges).toEqual([]);
  });
});

describe("a handshake that fails", () => {
  const prefix = "http: TLS handshake error from 127.0.0.1:";

  test("is one line of the log, with the client's address", async () => {
    site = new TlsSite(answer);
    await shakeHands(site.port, { name: "gone.test" });
    await waitFor(() => site.logger.entries.length > 0, "the log line");
    const [entry, ...rest] = site.logger.entries;
    expect(entry).toMatchObject({ level: "info", message: expect.stringContaining(prefix) });
    expect(rest).toEqual([]);
  });

  test("because of plain HTTP says so to both sides", async () => {
    site = new TlsSite(answer);
    using client = await connectRaw(site.port);
    client.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    expect((await client.receiveAll()).toString()).toStartWith("HTTP/1.0 400 Bad Request\r\n");
    expect(site.logger.entries.map((entry) => entry.message)).toEqual([
      `${prefix}${client.localPort}: client sent an HTTP request to an HTTPS server`,
    ]);
  });

  test("because nothing comes is given up after the head timeout", async () => {
    const clock = new ManualClock();
    site = new TlsSite(answer, { clock, limits: { headerTimeoutMs: 5_000 } });
    // Time in which there was no connection counts for none.
    clock.advance(60_000);
    using client = await connectRaw(site.port);
    await waitFor(() => clock.pendingTimers > 0, "the connection");
    clock.advance(4_900);
    expect(site.logger.entries).toEqual([]);
    clock.advance(1_000);
    await client.closed();
    expect(site.logger.entries[0]!.message).toEndWith(": i/o timeout");
  });
});

test("a handshake that waits for its certificate is not given up after the head timeout", async () => {
  const clock = new ManualClock();
  site = new TlsSite(answer, { clock, limits: { headerTimeoutMs: 5_000 } });
  const { certificates } = site;
  const made = Promise.withResolvers<CertificateKeyPair | null>();
  certificates.waiting.set("slow.test", made.promise);
  const shake = shakeHands(site.port, { name: "slow.test" });
  await waitFor(() => certificates.asked.includes("slow.test"), "the certificate to be asked for");
  clock.advance(240_000);
  made.resolve(keyPair("slow.test"));
  expect(await shake).toMatchObject({ certificate: "slow.test", error: null });
  expect(site.logger.messages("info")).toEqual([]);
});

test("nothing is signed with SHA-1, for names and for clients without one", async () => {
  site = new TlsSite(answer);
  const offering = (sigalgs: string, name: string | null) =>
    shakeHands(site.port, { name, sigalgs, maxVersion: "TLSv1.2" });
  for (const name of ["app.test", null]) {
    const modern = await offering("ecdsa_sha1:ecdsa_secp256r1_sha256", name);
    expect([modern.error, modern.version]).toEqual([null, "TLSv1.2"]);
    expect((await offering("ecdsa_sha1:rsa_pkcs1_sha1", name)).error).toContain("handshake");
  }
});

test("a new default certificate counts at once", async () => {
  site = new TlsSite(answer);
  expect((await shakeHands(site.port, { name: null })).certificate).toBe("default.test");
  site.certificates.default = keyPair("newer.test");
  site.certificates.onChange!();
  expect((await shakeHands(site.port, { name: null })).certificate).toBe("newer.test");
  site.certificates.default = null;
  site.certificates.onChange!();
  expect((await shakeHands(site.port, { name: null })).error).toMatch(/alert/);
});

test("whoever listens for changes of certificates already goes on hearing of them", () => {
  let heard = 0;
  site = new TlsSite(answer);
  const { onChange } = site.certificates;
  site.certificates.onChange = () => {
    heard++;
    onChange!();
  };
  site.certificates.onChange();
  expect(heard).toBe(1);
});

describe("finish", () => {
  test("does not wait for connections without a request", async () => {
    site = new TlsSite(answer);
    using silent = await connectRaw(site.port);
    using shaken = await connect();
    using idle = await connect();
    using idle2 = await connect({ ALPNProtocols: "\x02h2" });
    idle.send(get);
    await idle.receive("/a?b");
    await site.listener.finish();
    for (const client of [silent, shaken, idle, idle2]) await client.receiveAll();
    expect(site.logger.entries).toEqual([]);
  });

  test("waits for the answer under way, and takes no more", async () => {
    site = new TlsSite(answer);
    using busy = await connect();
    busy.send("GET /hold HTTP/1.1\r\nHost: app.test\r\n\r\n");
    await waitFor(() => held.length === 1, "the request");
    let finished = false;
    const finishing = site.listener.finish().then(() => (finished = true));
    const refused = await shakeHands(site.port);
    expect(refused.error).toBeString();
    expect(finished).toBe(false);
    held[0]!.respond(200, new Fields(), Buffer.from("late"));
    expect((await busy.receiveAll()).toString()).toEndWith("late");
    await finishing;
  });
});

test("destroy ends everything at once", async () => {
  site = new TlsSite(answer);
  using silent = await connectRaw(site.port);
  using busy = await connect();
  busy.send("GET /hold HTTP/1.1\r\nHost: app.test\r\n\r\n");
  await waitFor(() => held.length === 1, "the request");
  site.listener.destroy();
  for (const client of [silent, busy]) await client.receiveAll();
  expect(held[0]!.aborted).toBe(true);
});
