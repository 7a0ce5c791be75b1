/** Many new certificates while clients come and go: nobody notices. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { sendCommand } from "../../src/control-plane/socket/client.ts";
import { startApp } from "../support/app.ts";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { connectHttps, get, getOnce } from "../support/https-client.ts";
import { ProxyProcess, severalWorkers } from "../support/proxy-process.ts";
import { deployCommand, serviceOptions } from "../support/service-options.ts";
import { shakeHands } from "../support/tls-client.ts";
import { waitFor } from "../support/wait-for.ts";

const swaps = 50;

test("50 swaps under new and kept connections: no handshake fails, no request fails", async () => {
  await using app = startApp(() => new Response("the app"));
  await using proxy = await ProxyProcess.start({ env: severalWorkers });
  const ending = new AbortController();
  const failures: string[] = [];
  let answered = 0;
  let handshakes = 0;

  async function requester(ask: () => Promise<{ status: number }>): Promise<void> {
    while (!ending.signal.aborted) {
      try {
        const { status } = await ask();
        if (status === 200) answered += 1;
        else failures.push(`status ${status}`);
      } catch (error) {
        failures.push(String(error));
      }
    }
  }
  async function newcomer(): Promise<void> {
    while (!ending.signal.aborted) {
      const { error } = await shakeHands(proxy.httpsPort, { name: null });
      if (error === null) handshakes += 1;
      else failures.push(error);
    }
  }

  async function swap(i: number): Promise<void> {
    const certificate = createCertificate([`${i}.test`, "app.test"]);
    const path = join(proxy.home, `c${i % 2}`);
    saveCertificate(path, certificate);
    const reply = await sendCommand(
      proxy.socketPath,
      deployCommand("web", [app.address], {
        options: serviceOptions({
          hosts: ["app.test"],
          tlsEnabled: true,
          tlsCertificatePath: `${path}.pem`,
          tlsPrivateKeyPath: `${path}.key`,
        }),
      }),
    );
    expect(reply).toEqual({ ok: true });
  }

  await swap(0);
  using kept = await connectHttps(proxy.httpsPort);
  const clients = Promise.all([
    requester(() => getOnce(proxy.httpsPort)),
    requester(() => getOnce(proxy.httpsPort)),
    requester(() => get(kept)),
    newcomer(),
  ]);
  try {
    for (let i = 1; i <= swaps; i++) {
      const before = { answered, handshakes };
      await swap(i);
      await waitFor(
        () => answered > before.answered && handshakes > before.handshakes,
        "requests during this swap",
      );
    }
  } finally {
    ending.abort();
    await clients;
  }
  expect(failures).toEqual([]);
  expect((await shakeHands(proxy.httpsPort)).certificate).toBe(`${swaps}.test`);
}, 60_000);
