/** What collected bodies cost in memory, however small the chunks are in which they come. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { waitForInFlight } from "../support/proxy-metrics.ts";
import { readResponse } from "../support/raw-response.ts";
import { startScriptedApp } from "../support/scripted-app.ts";

setDefaultTimeout(60_000);

const bodies = 10;
const bodyBytes = 400_000;
/** Of code that is used for the first time, and of the heap's own growth. */
const ownGrowthBytes = 60_000_000;

test("bodies in one-byte chunks take little more memory than they are", async () => {
  using app = startScriptedApp();
  await using proxy = await ProxyProcess.start();
  await proxy.deploy("web", app.address, "--buffer-requests");
  const before = await proxy.residentBytes();
  const chunks = "1\r\nx\r\n".repeat(bodyBytes);
  const clients = [];
  for (let i = 0; i < bodies; i++) {
    const client = await connectRaw(proxy.httpPort);
    client.send("POST / HTTP/1.1\r\nHost: web.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send(chunks);
    clients.push(client);
  }
  await waitForInFlight(proxy, "web", bodies);
  for (const client of clients) {
    client.send("0\r\n\r\n");
    expect((await readResponse(client)).status).toBe(200);
    client[Symbol.dispose]();
  }
  expect(app.requests.every(({ body }) => body.length === bodyBytes)).toBe(true);
  const grown = (await proxy.residentBytes()) - before;
  expect(grown).toBeLessThan(3 * bodies * bodyBytes + ownGrowthBytes);
});
