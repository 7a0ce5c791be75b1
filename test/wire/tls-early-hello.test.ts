/** The https port sees in the ClientHello who takes no ECDSA, before TLS has read it. */
import { afterEach, expect, test } from "bun:test";
import { connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { Fields } from "../../src/protocols/http/fields.ts";
import { keyPair } from "../support/fake-certificates.ts";
import { shakeHands } from "../support/tls-client.ts";
import { TlsSite } from "../support/tls-site.ts";
import { waitFor } from "../support/wait-for.ts";

const old = { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" } as const;
const header = "PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n";

let site: TlsSite;
let relay: Server | null = null;
afterEach(() => {
  relay?.close();
  relay = null;
  site[Symbol.dispose]();
});

function start(options: { proxyPeers?: string[] } = {}): void {
  site = new TlsSite((exchange) => exchange.respond(200, new Fields(), Buffer.alloc(0)), options);
  const { certificate, privateKey } = keyPair("app.test", "rsa");
  site.certificates.pairs.set("app.test", {
    ...keyPair("app.test"),
    rsa: { certificate, privateKey },
  });
  useHellos(true);
}

function useHellos(areUseful: boolean): void {
  site.certificates.lackRsa = areUseful;
  site.certificates.onChange!();
}

/** Port of a relay that hands the whole ClientHello to `send`, and passes on what comes behind it. */
async function startRelay(send: (hello: Buffer, to: Socket) => Promise<void>): Promise<number> {
  relay = createServer((client) => {
    const server = connectTcp(site.port, "127.0.0.1");
    client.on("error", () => server.destroy());
    server.on("error", () => client.destroy());
    client.once("data", (hello: Buffer) => {
      client.pause();
      void send(hello, server).then(() => client.pipe(server));
    });
    server.pipe(client);
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  return (relay.address() as AddressInfo).port;
}

test("a client that takes RSA alone is told from one that takes ECDSA, each time", async () => {
  start();
  for (const client of [old, { sigalgs: "rsa_pss_rsae_sha256" }, {}, { ecdhCurve: "P-256" }]) {
    for (let i = 0; i < 5; i++)
      expect(await shakeHands(site.port, client)).toMatchObject({ error: null });
  }
  expect(site.certificates.takesEcdsa).toEqual(Array.from({ length: 20 }, (_, i) => i >= 10));
});

test("of one whose ClientHello comes in pieces nothing is known, and it is served as ever", async () => {
  start();
  const port = await startRelay(async (hello, server) => {
    server.setNoDelay(true);
    server.write(hello.subarray(0, 100));
    await waitFor(() => site.listener.connections.size === 1, "the connection");
    server.write(hello.subarray(100));
  });
  expect(await shakeHands(port, old)).toMatchObject({ error: null });
  expect(site.certificates.takesEcdsa).toEqual([true]);
});

test("it is seen behind a PROXY header as well", async () => {
  start({ proxyPeers: ["127.0.0.1"] });
  const port = await startRelay(async (hello, server) => {
    server.write(Buffer.concat([Buffer.from(header), hello]));
  });
  expect(await shakeHands(port, old)).toMatchObject({ error: null });
  expect(site.certificates.takesEcdsa).toEqual([false]);
});

test("where it plays no part, connections are accepted before they have sent anything", async () => {
  start();
  useHellos(false);
  const silent = connectTcp(site.port, "127.0.0.1");
  await waitFor(() => site.listener.connections.size === 1, "the connection");
  silent.destroy();
  expect(await shakeHands(site.port, old)).toMatchObject({ error: null });
  expect(site.certificates.takesEcdsa).toEqual([true]);
});
