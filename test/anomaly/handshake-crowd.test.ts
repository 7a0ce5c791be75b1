/** More TLS handshakes at once than can be begun. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type App, startApp } from "../support/app.ts";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { recordHello } from "../support/recorded-hello.ts";
import { waitFor } from "../support/wait-for.ts";
import { signalAll } from "../support/worker-processes.ts";

setDefaultTimeout(60_000);

const clientCount = 200;

describe.each([
  { from: "clients", args: [], header: "" },
  {
    from: "a load balancer",
    args: ["--proxy-protocol", "--trusted-proxies=127.0.0.1"],
    header: "PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n",
  },
])("from $from", ({ args, header }) => {
  let proxy: ProxyProcess;
  let app: App;
  let hello: Buffer;

  beforeAll(async () => {
    app = startApp(() => new Response("served"));
    proxy = await ProxyProcess.start({ args: [...args] });
    const certificate = saveCertificate(join(proxy.home, "app"), createCertificate(["app.test"]));
    await proxy.deploy("app", app.address, "--host=app.test", ...certificate);
    hello = Buffer.concat([Buffer.from(header), await recordHello("app.test")]);
  });

  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
  });

  test("who came first is answered first", async () => {
    const clients = await crowdOfBusyProxy();
    try {
      const answered: number[] = [];
      const answers = clients.map(async (client, index) => {
        await client.receiveBytes(1);
        answered.push(index);
      });
      await Promise.all(answers);
      const half = clientCount / 2;
      const early = answered.slice(0, half).filter((index) => index < half).length;
      expect(early).toBeGreaterThan(0.9 * half);
    } finally {
      for (const client of clients) client.reset();
    }
  });

  test("for those who gave up while they waited nothing is computed", async () => {
    const clients = await crowdOfBusyProxy((client) => client.end());
    try {
      await Promise.all(clients.map((client) => client.receiveAll()));
      const computed = clients.filter(({ receivedBytes }) => receivedBytes > 0).length;
      expect(computed).toBeLessThan(0.1 * clientCount);
      await expectAnswered();
    } finally {
      for (const client of clients) client.reset();
    }
  });

  test("those who broke off while they waited leave nothing behind", async () => {
    await expectAnswered();
    const before = proxy.descriptors().length;
    await crowdOfBusyProxy((client) => client.reset());
    await expectAnswered();
    await waitFor(() => proxy.descriptors().length <= before, "the descriptors to be closed");
  });

  /** All have connected, sent their ClientHello, and done their part before the proxy looks at one of them. */
  async function crowdOfBusyProxy(act?: (client: RawConnection) => void): Promise<RawConnection[]> {
    const clients: RawConnection[] = [];
    const { pids } = proxy;
    signalAll(pids, "SIGSTOP");
    try {
      while (clients.length < clientCount) {
        const client = await connectRaw(proxy.httpsPort);
        client.send(hello);
        act?.(client);
        clients.push(client);
      }
    } finally {
      signalAll(pids, "SIGCONT");
    }
    return clients;
  }

  async function expectAnswered(): Promise<void> {
    using client = await connectRaw(proxy.httpsPort);
    client.send(hello);
    await client.receiveBytes(1);
  }
});
