/** Before the first order of a name the proxy looks whether an authority could reach it. */
import { expect, test } from "bun:test";
import type { CertificateDetails } from "../../src/control-plane/certificates/certificate-details.ts";
import type { ServiceDescription } from "../../src/control-plane/socket/protocol.ts";
import { AcmeSite, type ValidationPorts } from "../support/acme-site.ts";
import { startApp } from "../support/app.ts";
import { type DnsEntry, type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { freePorts, releasePorts } from "../support/free-ports.ts";
import { findPebble } from "../support/pebble.ts";
import type { ProxyProcess } from "../support/proxy-process.ts";
import { shakeHands } from "../support/tls-client.ts";
import { waitFor } from "../support/wait-for.ts";

const binaries = await findPebble();
const withPebble = test.skipIf(binaries === null);
const host = "app.example.com";
const limitMs = 60_000;

interface View {
  ports: ValidationPorts;
  /** Where the proxy believes the authority to come; default: where it does. */
  port?: number;
  names?: DnsServer;
}

async function siteWith(view: View): Promise<AcmeSite> {
  return await AcmeSite.start(binaries!, view.ports, {}, (pebble, proxy) => ({
    KAMAL_PROXY_ACME_PREFLIGHT: String(view.port ?? proxy.httpPort),
    KAMAL_PROXY_ACME_DNS_RESOLVERS: view.names?.address ?? pebble.dnsServer,
    KAMAL_PROXY_WORKERS: "2",
  }));
}

async function deploy(proxy: ProxyProcess, target: string): Promise<string> {
  const result = await proxy.runHere(
    "deploy",
    "web",
    `--target=${target}`,
    `--host=${host}`,
    "--tls",
  );
  expect(result.code).toBe(0);
  return result.stderr;
}

async function seen(proxy: ProxyProcess): Promise<Pick<CertificateDetails, "error" | "preflight">> {
  const { stdout } = await proxy.runHere("list", "--json");
  return (JSON.parse(stdout) as Record<string, ServiceDescription>)["web"]!.certificates[0]!;
}

withPebble(
  "a name that leads here is ordered, and nothing is said",
  async () => {
    await using app = startApp(() => new Response("the app"));
    await using site = await siteWith({ ports: { http: true, tls: false } });
    expect(await deploy(site.proxy, app.address)).toBe("");
    await site.proxy.waitForLog("Obtained certificate");
    expect(await seen(site.proxy)).toMatchObject({ error: null, preflight: null });
  },
  limitMs,
);

withPebble(
  "a name that leads to another server is said to, and ordered no more than once",
  async () => {
    await using app = startApp(() => new Response("the app"));
    await using site = await siteWith({ ports: { http: false, tls: false }, port: app.port });
    const { proxy, pebble } = site;
    const found = `port ${app.port} of ${host} does not lead here: 127.0.0.1 (another server answers 200)`;
    expect(await deploy(proxy, app.address)).toContain(`Warning: ${found}\n`);
    expect(
      await proxy.waitForLog("A certificate authority may not reach this proxy"),
    ).toMatchObject({ level: "WARN", host, error: found });
    await proxy.waitForLog("Unable to obtain certificate");
    expect(await seen(proxy)).toMatchObject({ preflight: found });
    const { orders } = pebble;
    expect(orders).toBe(2);
    // The next deploy asks again, but not the authority.
    expect(await deploy(proxy, app.address)).toContain(found);
    await waitFor(
      async () => (await seen(proxy)).error === `nothing was ordered: ${found}`,
      "the order to be held",
    );
    expect(pebble.orders).toBe(orders);
    const { stderr } = await proxy.runHere("list");
    expect(stderr).toContain(`web has no certificate: ${found}\n`);
    // Whoever wants it all the same only has to say so.
    expect((await proxy.runHere("certificates", "renew", host)).code).toBe(1);
    expect(pebble.orders).toBeGreaterThan(orders);
  },
  limitMs,
);

withPebble(
  "a closed port 80 leaves TLS-ALPN-01, which is tried first",
  async () => {
    const [port = 0] = freePorts(1);
    try {
      await using app = startApp(() => new Response("the app"));
      await using site = await siteWith({ ports: { http: false, tls: true }, port });
      expect(await deploy(site.proxy, app.address)).toContain(
        `Warning: port ${port} of ${host} does not lead here: 127.0.0.1 (connection refused)\n`,
      );
      expect(await site.proxy.waitForLog("Obtained certificate")).toMatchObject({
        challenge: "tls-alpn-01",
      });
      expect(site.pebble.orders).toBe(1);
      expect(await seen(site.proxy)).toMatchObject({ error: null, preflight: null });
    } finally {
      releasePorts([port]);
    }
  },
  limitMs,
);

withPebble(
  "a name without an address is not ordered, and is as soon as it has one",
  async () => {
    await using app = startApp(() => new Response("the app"));
    using names = await startDnsServer();
    await using site = await siteWith({ ports: { http: true, tls: true }, names });
    const { proxy, pebble } = site;
    const found = `${host} has no address`;
    expect(await deploy(proxy, app.address)).toContain(`Warning: ${found}\n`);
    await waitFor(
      async () => (await seen(proxy)).error === `nothing was ordered: ${found}`,
      "the order to be held",
    );
    expect(pebble.orders).toBe(0);
    names.names.set(host, { A: ["127.0.0.1"] });
    await waitFor(
      async () => (await shakeHands(proxy.httpsPort, { name: host })).error === null,
      "the certificate",
      30_000,
    );
    expect(pebble.orders).toBe(1);
  },
  limitMs,
);

withPebble.each<[string, DnsEntry]>([
  ["can't tell", "failing"],
  ["say nothing", "silent"],
])(
  "name servers that %s hold nothing up",
  async (_, entry) => {
    await using app = startApp(() => new Response("the app"));
    using names = await startDnsServer();
    names.names.set(host, entry);
    await using site = await siteWith({ ports: { http: true, tls: true }, names });
    await deploy(site.proxy, app.address);
    await site.proxy.waitForLog("Obtained certificate");
    expect(site.pebble.orders).toBe(1);
  },
  limitMs,
);
