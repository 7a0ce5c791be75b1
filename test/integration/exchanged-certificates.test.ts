/**
 * The folder of certificates goes to kamal-proxy and back: neither orders what the other has obtained. Needs the
 * binary of the original, which KAMAL_PROXY_ORIGINAL names.
 */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { directoryKey } from "../../src/control-plane/certificates/storage/certificate-cache.ts";
import { AcmeSite } from "../support/acme-site.ts";
import { startApp } from "../support/app.ts";
import { createCertificate } from "../support/certificates.ts";
import { findPebble, type Pebble } from "../support/pebble.ts";
import type { ProxyProcess } from "../support/proxy-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { type Handshake, shakeHands } from "../support/tls-client.ts";
import { waitFor } from "../support/wait-for.ts";

const original = process.env["KAMAL_PROXY_ORIGINAL"];
const binaries = original === undefined ? null : await findPebble();
const host = "app.example.com";
const old = { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" } as const;

/** The original, at the home and the ports of ours, until it is disposed. */
async function runOriginal(proxy: ProxyProcess, caFile: string): Promise<AsyncDisposable> {
  const ports = [`--http-port=${proxy.httpPort}`, `--https-port=${proxy.httpsPort}`];
  const child = Bun.spawn([original!, "run", ...ports], {
    env: { HOME: proxy.home, TMPDIR: proxy.home, SSL_CERT_FILE: caFile },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  await waitFor(async () => (await fetch(`${proxy.url}/up`)).status > 0, "the original");
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

interface Front extends Disposable {
  url: string;
  caFile: string;
}

/** Stands before Pebble, whose answer to a finalized order lacks the field that the original looks for. */
function startFront(pebble: Pebble, folder: string): Front {
  const own = createCertificate(["127.0.0.1"]);
  const caFile = join(folder, "front.pem");
  writeFileSync(caFile, own.certificate);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { key: own.privateKey, cert: own.certificate },
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const body = request.method === "POST" ? await request.arrayBuffer() : null;
      const answer = await fetch(`https://127.0.0.1:${pebble.port}${pathname}`, {
        method: request.method,
        // Its addresses are made of Host.
        headers: request.headers,
        ...(body === null ? {} : { body }),
        tls: { rejectUnauthorized: false },
      });
      const headers = new Headers(answer.headers);
      headers.delete("content-encoding");
      const [, id] = /^\/finalize-order\/(.*)$/.exec(pathname) ?? [];
      if (id !== undefined)
        headers.set("Location", `https://127.0.0.1:${server.port}/my-order/${id}`);
      return new Response(await answer.arrayBuffer(), { status: answer.status, headers });
    },
  });
  return {
    url: `https://127.0.0.1:${server.port}/dir`,
    caFile,
    [Symbol.dispose]: () => void server.stop(true),
  };
}

test.skipIf(binaries === null)(
  "certificates for both kinds of keys are served by the other one without a new order",
  async () => {
    await using app = startApp(() => new Response("the app"));
    using folder = tempFolder();
    let front = null as Front | null;
    await using site = await AcmeSite.start(binaries!, undefined, {}, (pebble) => {
      front = startFront(pebble, folder.path);
      return { KAMAL_PROXY_ACME_DIRECTORY: front.url, KAMAL_PROXY_ACME_CA_FILE: front.caFile };
    });
    const { proxy, pebble } = site;
    using authority = front!;
    const both = async (): Promise<Handshake["fingerprint"][]> => {
      const shown = [];
      for (const client of [{}, old]) {
        shown.push(
          await waitFor(async () => {
            const { fingerprint } = await shakeHands(proxy.httpsPort, { name: host, ...client });
            return fingerprint;
          }, "a certificate"),
        );
      }
      return shown;
    };
    await proxy.deploy("web", app.address, `--host=${host}`, "--tls");
    const ours = await both();
    expect(new Set(ours).size).toBe(2);
    const { orders } = pebble;
    expect(orders).toBe(2);
    const kept = join(proxy.home, ".config/kamal-proxy/certs", directoryKey(authority.url), host);
    await waitFor(() => existsSync(kept) && existsSync(`${kept}+rsa`), "both to be kept");
    await proxy.stop();
    // The original takes its directory from the state alone.
    const state = readFileSync(proxy.statePath, "utf8");
    expect(state).toContain('"acme_directory":""');
    const named = state.replace('"acme_directory":""', `"acme_directory":"${authority.url}"`);
    writeFileSync(proxy.statePath, named);
    {
      await using _ = await runOriginal(proxy, authority.caFile);
      expect(await both()).toEqual(ours);
      expect(pebble.orders).toBe(orders);
    }
    await proxy.startAgain();
    expect((await proxy.runHere("certificates", "forget", host)).code).toBe(0);
    await proxy.stop();
    let theirs: Handshake["fingerprint"][];
    {
      await using _ = await runOriginal(proxy, authority.caFile);
      theirs = await both();
      expect(pebble.orders).toBe(orders + 2);
    }
    expect(theirs.some((shown) => ours.includes(shown))).toBe(false);
    await proxy.startAgain();
    expect(await both()).toEqual(theirs);
    expect(pebble.orders).toBe(orders + 2);
  },
  60_000,
);
