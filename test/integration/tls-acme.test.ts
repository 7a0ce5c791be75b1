/** Automatic certificates through the whole product, issued by a real ACME server. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { CertificateDetails } from "../../src/control-plane/certificates/certificate-details.ts";
import type { ServiceDescription } from "../../src/control-plane/socket/protocol.ts";
import { AcmeSite } from "../support/acme-site.ts";
import { startApp } from "../support/app.ts";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { DnsWebhook } from "../support/dns-webhook.ts";
import { getOnce } from "../support/https-client.ts";
import { findPebble } from "../support/pebble.ts";
import { readMetrics } from "../support/proxy-metrics.ts";
import type { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse, valuesOf, type RawResponse } from "../support/raw-response.ts";
import { shakeHands } from "../support/tls-client.ts";
import { waitFor } from "../support/wait-for.ts";

const binaries = await findPebble();
const timeoutMs = 60_000;
const host = "app.example.com";

async function certificatesOf(
  proxy: ProxyProcess,
  service: string,
): Promise<ServiceDescription["certificates"]> {
  const { stdout } = await proxy.runHere("list", "--json");
  const services = JSON.parse(stdout) as Record<string, ServiceDescription>;
  return services[service]!.certificates;
}

async function plain(proxy: ProxyProcess, name: string, path: string): Promise<RawResponse> {
  using connection = await connectRaw(proxy.httpPort);
  connection.send(`GET ${path} HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
  return await readResponse(connection);
}

/** The certificate that a client with this name is shown, in DER; null: none. */
async function shownTo(proxy: ProxyProcess, name: string): Promise<string | null> {
  const { error, fingerprint } = await shakeHands(proxy.httpsPort, { name });
  return error === null ? fingerprint : null;
}

test.skipIf(binaries === null)(
  "a deploy gets the certificate in the background, once; a restart needs no authority",
  async () => {
    await using app = startApp(() => new Response("the app"));
    await using site = await AcmeSite.start(binaries!, { http: true, tls: false });
    const { proxy, pebble } = site;
    await proxy.deploy("web", app.address, `--host=${host}`, "--tls");
    expect(await proxy.waitForLog("Obtained certificate")).toMatchObject({
      host,
      challenge: "http-01",
    });
    const [listed] = await certificatesOf(proxy, "web");
    expect(listed).toMatchObject({ name: host, source: "acme", error: null });
    expect(Date.parse(listed!.expires!)).toBeGreaterThan(Date.now());
    const response = await getOnce(proxy.httpsPort, host);
    expect([response.status, response.body.toString()]).toEqual([200, "the app"]);
    expect(valuesOf(await plain(proxy, host, "/x"), "location")).toEqual([`https://${host}/x`]);
    expect(pebble.orders).toBe(1);
    expect(app.requestCount).toBe(1);

    const first = await shownTo(proxy, host);
    await pebble.stop();
    await proxy.deploy("web", app.address, `--host=${host}`, "--tls");
    expect(await shownTo(proxy, host)).toBe(first);
    await proxy.stop();
    await proxy.startAgain();
    expect(await shownTo(proxy, host)).toBe(first);
    expect((await certificatesOf(proxy, "web"))[0]).toEqual(listed!);
  },
  timeoutMs,
);

test.skipIf(binaries === null)(
  "the first visitor's handshake waits for the certificate, together with the deploy's own order",
  async () => {
    await using app = startApp(() => new Response("the app"));
    await using site = await AcmeSite.start(binaries!);
    const { proxy, pebble } = site;
    const names = [host, "www.example.com"];
    await proxy.deploy("web", app.address, `--host=${names.join(",")}`, "--tls");
    const asked = [...names, ...names, ...names];
    const answers = await Promise.all(asked.map((name) => getOnce(proxy.httpsPort, name)));
    expect(answers.map(({ status }) => status)).toEqual(asked.map(() => 200));
    expect(pebble.orders).toBe(names.length);
    // Names that were not deployed cost the authority nothing.
    for (const name of ["other.example.com", "sub.app.example.com"]) {
      expect((await shakeHands(proxy.httpsPort, { name })).error).toContain("alert");
    }
    expect(pebble.orders).toBe(names.length);
  },
  timeoutMs,
);

test.skipIf(binaries === null)(
  "TLS-ALPN-01 does when the authority can't reach the http port",
  async () => {
    await using app = startApp(() => new Response("the app"));
    await using site = await AcmeSite.start(binaries!, { http: false, tls: true });
    const { proxy } = site;
    await proxy.deploy("web", app.address, `--host=${host}`, "--tls");
    expect(await proxy.waitForLog("Obtained certificate")).toMatchObject({
      host,
      challenge: "tls-alpn-01",
    });
    expect((await getOnce(proxy.httpsPort, host)).status).toBe(200);
  },
  timeoutMs,
);

test.skipIf(binaries === null)(
  "an authority that can't be reached is one line with host and reason; everything else serves",
  async () => {
    await using app = startApp(() => new Response("the app"));
    await using site = await AcmeSite.start(binaries!);
    const { proxy, pebble } = site;
    await pebble.stop();
    await proxy.deploy("web", app.address, `--host=${host}`, "--tls");
    const own = saveCertificate(join(proxy.home, "own"), createCertificate(["own.test"]));
    await proxy.deploy("own", app.address, "--host=own.test", ...own);
    await proxy.deploy("plain", app.address, "--host=plain.test");
    expect((await shakeHands(proxy.httpsPort, { name: host })).error).toContain("alert");
    const line = await proxy.waitForLog("Unable to obtain certificate");
    expect(line).toMatchObject({ level: "ERROR", host });
    expect(String(line["error"])).toContain(`127.0.0.1:${pebble.port}`);
    const [listed] = await certificatesOf(proxy, "web");
    expect(listed).toMatchObject({ name: host, expires: null });
    expect(listed!.error).toBe(String(line["error"]));
    expect((await getOnce(proxy.httpsPort, "own.test")).status).toBe(200);
    expect((await plain(proxy, "plain.test", "/")).status).toBe(200);
    expect((await plain(proxy, host, "/")).status).toBe(301);
  },
  timeoutMs,
);

test.skipIf(binaries === null)(
  "the challenge path of an automatic service is the proxy's, before redirects, pause and stop",
  async () => {
    await using app = startApp(() => new Response("the app"));
    await using site = await AcmeSite.start(binaries!);
    const { proxy } = site;
    await proxy.deploy("web", app.address, `--host=${host}`, "--tls");
    await proxy.deploy("plain", app.address, "--host=plain.test");
    const path = "/.well-known/acme-challenge/unknown";
    const answers = async (): Promise<number[]> => {
      const over = [await plain(proxy, host, path), await plain(proxy, `${host}:8080`, path)];
      return [...over, await getOnce(proxy.httpsPort, host, path)].map(({ status }) => status);
    };
    expect(await answers()).toEqual([404, 404, 404]);
    await proxy.runHere("pause", "web");
    expect(await answers()).toEqual([404, 404, 404]);
    await proxy.runHere("stop", "web");
    expect(await answers()).toEqual([404, 404, 404]);
    expect(app.requestCount).toBe(0);
    expect((await plain(proxy, host, "/.well-known/acme-challenge")).status).toBe(301);
    expect((await plain(proxy, "plain.test", path)).body.toString()).toBe("the app");
  },
  timeoutMs,
);

test.skipIf(binaries === null)(
  "a wildcard is deployed, proved by DNS, and serves every name below it",
  async () => {
    await using app = startApp(() => new Response("the app"));
    let webhook: DnsWebhook | null = null;
    await using site = await AcmeSite.start(binaries!, undefined, {}, (pebble) => {
      webhook = new DnsWebhook(pebble);
      return {
        KAMAL_PROXY_ACME_DNS: "example.com=webhook",
        KAMAL_PROXY_ACME_DNS_RESOLVERS: pebble.dnsServer,
        HTTPREQ_ENDPOINT: webhook.url,
      };
    });
    using _ = webhook!;
    const { proxy, pebble } = site;
    await proxy.deploy("web", app.address, "--host=*.example.com", "--tls");
    expect(await proxy.waitForLog("Obtained certificate")).toMatchObject({
      host: "*.example.com",
      challenge: "dns-01",
    });
    expect((await getOnce(proxy.httpsPort, "one.example.com")).status).toBe(200);
    expect((await getOnce(proxy.httpsPort, "two.example.com")).status).toBe(200);
    expect((await shakeHands(proxy.httpsPort, { name: "a.b.example.com" })).error).not.toBeNull();
    expect(pebble.orders).toBe(1);
    const args = ["deploy", "other", `--target=${app.address}`, "--host=*.example.net", "--tls"];
    const refused = await proxy.runHere(...args);
    expect(refused.stderr.trim()).toBe("Error: automatic TLS does not support wildcards");
  },
  timeoutMs,
);

test.skipIf(binaries === null)(
  "the command shows, renews and forgets certificates",
  async () => {
    await using app = startApp(() => new Response("the app"));
    await using site = await AcmeSite.start(binaries!);
    const { proxy, pebble } = site;
    await proxy.deploy("web", app.address, `--host=${host}`, "--tls");
    await proxy.waitForLog("Obtained certificate");
    const read = async (): Promise<CertificateDetails> => {
      const { stdout } = await proxy.runHere("certificates", "--json");
      return (JSON.parse(stdout) as CertificateDetails[])[0]!;
    };
    const first = await read();
    expect(first).toMatchObject({
      name: host,
      service: "web",
      source: "acme",
      served_by: null,
      key: "ECDSA P-256",
      store: expect.stringContaining("certs"),
      error: null,
      error_at: null,
    });
    expect(first.issuer).toContain("Pebble");
    expect(Date.parse(first.renews!)).toBeLessThan(Date.parse(first.expires!));
    const table = (await proxy.runHere("certificates")).stdout;
    expect(table).toContain("ECDSA P-256");
    expect(table).toMatch(/89d 23h|90d 0h/);
    expect(await readMetrics(proxy)).toContain(
      `kamal_proxy_certificate_expiry_timestamp_seconds{name="${host}"} ${Date.parse(first.expires!) / 1_000}\n`,
    );
    expect(await proxy.runHere("certs", "list")).toMatchObject({ stdout: table, code: 0 });

    const before = await shownTo(proxy, host);
    expect(await proxy.runHere("certificates", "renew", host)).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect(pebble.orders).toBe(2);
    const after = await shownTo(proxy, host);
    expect(after).not.toBeNull();
    expect(after).not.toBe(before);

    expect(await proxy.runHere("certificates", "forget", host)).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect((await read()).expires).toBeNull();
    expect(await shownTo(proxy, host)).not.toBe(after);
    expect(pebble.orders).toBe(3);

    for (const [name, text] of [
      ["other.example.com", "no service with TLS has the name other.example.com"],
      ["", "no service with TLS has the name "],
    ] as const) {
      const { code, stderr } = await proxy.runHere("certificates", "renew", name);
      expect([code, stderr.trimEnd()]).toEqual([1, `Error: ${text}`.trimEnd()]);
    }
    await pebble.stop();
    const failed = await proxy.runHere("certificates", "renew", host);
    expect(failed.stderr).toContain(`Error: unable to obtain a certificate for ${host}: `);
    expect((await read()).error_at).not.toBeNull();
    expect((await proxy.runHere("certificates", "--help")).stdout).toContain("renew");
  },
  timeoutMs,
);

test.skipIf(binaries === null)(
  "a host that the authority refuses fails with its reason, others of the service are served",
  async () => {
    await using app = startApp(() => new Response("the app"));
    const blocked = "blocked.example.com";
    await using site = await AcmeSite.start(binaries!, undefined, { blockedNames: [blocked] });
    const { proxy } = site;
    await proxy.deploy("web", app.address, `--host=${host},${blocked}`, "--tls");
    expect((await shakeHands(proxy.httpsPort, { name: blocked })).error).toContain("alert");
    expect((await getOnce(proxy.httpsPort, host)).status).toBe(200);
    const refused = await waitFor(
      async () => (await certificatesOf(proxy, "web")).find(({ error }) => error !== null),
      "the reason in the list",
    );
    expect(refused.name).toBe(blocked);
    expect(refused.error).toContain("policy");
    const result = await proxy.runHere(
      "deploy",
      "wild",
      `--target=${app.address}`,
      "--host=*.example.com",
      "--tls",
    );
    expect(result.stderr.trim()).toBe("Error: automatic TLS does not support wildcards");
  },
  timeoutMs,
);
