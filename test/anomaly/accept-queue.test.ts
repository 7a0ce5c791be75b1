/** Many clients at once, more than the proxy can accept in that moment. */
import { readFileSync } from "node:fs";
import { expect, setDefaultTimeout, test } from "bun:test";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { signalAll } from "../support/worker-processes.ts";
import { within } from "../support/wait-for.ts";

setDefaultTimeout(60_000);

const clientCount = 1_000;
const somaxconn = Number(readFileSync("/proc/sys/net/core/somaxconn", "latin1"));

test.skipIf(somaxconn <= clientCount).each([
  ["http", []],
  ["https", []],
  ["https", ["--proxy-protocol", "--trusted-proxies=10.0.0.1"]],
])("%s clients of a busy proxy wait in the kernel: %j", async (scheme, args) => {
  await using proxy = await ProxyProcess.start({ args });
  const port = scheme === "http" ? proxy.httpPort : proxy.httpsPort;
  const clients: RawConnection[] = [];
  const { pids } = proxy;
  signalAll(pids, "SIGSTOP");
  try {
    const connecting = Array.from({ length: clientCount }, async () => {
      clients.push(await connectRaw(port));
    });
    await within(Promise.all(connecting), `${clientCount} connections`);
    expect(clients.length).toBe(clientCount);
  } finally {
    signalAll(pids, "SIGCONT");
    for (const client of clients) client.reset();
  }
});
