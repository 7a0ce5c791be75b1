/** Clients that take no ECDSA get an automatic RSA certificate. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { CertificateDetails } from "../../src/control-plane/certificates/certificate-details.ts";
import { AcmeSite } from "../support/acme-site.ts";
import { startApp } from "../support/app.ts";
import { findPebble } from "../support/pebble.ts";
import type { ProxyProcess } from "../support/proxy-process.ts";
import { type Handshake, shakeHands } from "../support/tls-client.ts";
import { waitFor } from "../support/wait-for.ts";

const binaries = await findPebble();
const name = "app.example.com";
const old = { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" } as const;

async function keysOf(proxy: ProxyProcess): Promise<CertificateDetails["key"]> {
  const { stdout } = await proxy.runHere("certificates", "--json");
  return (JSON.parse(stdout) as CertificateDetails[])[0]!.key;
}

test.skipIf(binaries === null)(
  "the first of them waits for one, ordered once, which is kept beside the other and found again",
  async () => {
    await using app = startApp(() => new Response("the app"));
    await using site = await AcmeSite.start(binaries!, { http: true, tls: true }, {}, () => ({
      KAMAL_PROXY_WORKERS: "2",
    }));
    const { proxy, pebble } = site;
    const shake = (client: object = {}): Promise<Handshake> =>
      shakeHands(proxy.httpsPort, { name, ...client });
    await proxy.deploy("web", app.address, `--host=${name}`, "--tls");
    await proxy.waitForLog("Obtained certificate");
    expect(await keysOf(proxy)).toBe("ECDSA P-256");

    // They are of both workers, and all ask at the same time.
    const first = await Promise.all(Array.from({ length: 8 }, () => shake(old)));
    const shown = first[0]!.fingerprint;
    expect(first).toEqual(
      first.map(() => expect.objectContaining({ error: null, fingerprint: shown })),
    );
    const line = await proxy.waitForLog((each) => each["key"] === "rsa");
    expect(line).toMatchObject({ msg: "Obtained certificate", host: name });
    const { fingerprint } = await shake();
    expect(fingerprint).not.toBe(shown);
    for (let i = 0; i < 8; i++) {
      expect((await shake(old)).fingerprint).toBe(shown);
      expect((await shake({ sigalgs: "rsa_pss_rsae_sha256" })).fingerprint).toBe(shown);
      expect((await shake()).fingerprint).toBe(fingerprint);
    }
    expect(pebble.orders).toBe(2);
    expect(await keysOf(proxy)).toBe("ECDSA P-256, RSA 2048");

    const folder = join(proxy.home, ".config", "kamal-proxy", "certs");
    const files = readdirSync(folder, { recursive: true }).map((path) => `${path}`);
    const path = files.find((each) => each.endsWith(`/${name}+rsa`))!;
    expect(await Bun.file(join(folder, path)).text()).toStartWith("-----BEGIN RSA PRIVATE KEY");

    expect(await proxy.stop()).toBe(0);
    await proxy.startAgain();
    await waitFor(async () => (await shake(old)).fingerprint === shown, "the kept certificate");
    expect((await shake()).fingerprint).toBe(fingerprint);
    expect(pebble.orders).toBe(2);

    expect((await proxy.runHere("certificates", "renew", name)).code).toBe(0);
    await waitFor(async () => (await shake(old)).fingerprint !== shown, "a new RSA certificate");
    expect(pebble.orders).toBe(4);
    expect((await proxy.runHere("certificates", "forget", name)).code).toBe(0);
    const left = readdirSync(folder, { recursive: true }).map((each) => `${each}`);
    expect(left.filter((each) => each.includes(name))).toEqual([]);
  },
  60_000,
);

test.skipIf(binaries === null)(
  "one whose name has no certificate yet waits for both, and one without server name has to come again",
  async () => {
    await using app = startApp(() => new Response("the app"));
    await using site = await AcmeSite.start(binaries!);
    const { proxy, pebble } = site;
    const url = `http://${app.address}/`;
    await proxy.deploy("any", app.address, `--tls-on-demand-url=${url}`, "--tls");
    const first = await shakeHands(proxy.httpsPort, { name: "any.example.com", ...old });
    expect(first.error).toBe(null);
    const modern = await shakeHands(proxy.httpsPort, { name: "any.example.com" });
    expect(modern.fingerprint).not.toBe(first.fingerprint);
    expect(pebble.orders).toBe(2);

    await proxy.deploy("web", app.address, `--host=${name}`, "--tls");
    await proxy.waitForLog(({ host, key }) => host === name && key === "ec");
    const nameless = () => shakeHands(proxy.httpsPort, { name: null, ...old });
    expect((await nameless()).error).toContain("handshake failure");
    await waitFor(async () => (await nameless()).error === null, "the RSA certificate");
    expect(pebble.orders).toBe(4);
  },
  60_000,
);
