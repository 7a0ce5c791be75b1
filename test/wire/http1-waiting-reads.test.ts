/** Clients that send requests ahead of answers: what waits of them has one limit for all together. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { clientLimits } from "../../src/config/defaults.ts";
import { maxReceivedBytesTotal } from "../../src/config/limits.ts";
import { Fields } from "../../src/protocols/http/fields.ts";
import type { Exchange } from "../../src/protocols/http/exchange.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { receivedMemory } from "../../src/net/received-memory.ts";
import { DescriptorGuard } from "../../src/data-plane/listeners/accept/descriptor-guard.ts";
import { HttpPort } from "../../src/data-plane/listeners/http-port.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { waitFor } from "../support/wait-for.ts";

const limitBytes = 4 << 20;
/** What one read may bring before somebody is ended for it. */
const readBytes = 512 * 1024;
const clientCount = 40;
const held = "GET /held HTTP/1.1\r\nHost: a\r\n\r\n";
const next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";

let listener: HttpPort;
let clients: RawConnection[];
let unanswered: Exchange[];
let answered = 0;
let mostBytes = 0;

beforeEach(() => {
  clients = [];
  unanswered = [];
  answered = 0;
  mostBytes = 0;
  receivedMemory.budget.limitTo(limitBytes);
  const logger = new RecordingLogger();
  listener = new HttpPort({
    bind: "127.0.0.1",
    port: 0,
    showsErrorCodes: true,
    limits: clientLimits,
    clock: systemClock,
    logger,
    descriptors: new DescriptorGuard(systemClock, logger),
    proxyPeers: null,
    handle(exchange) {
      mostBytes = Math.max(mostBytes, receivedMemory.budget.usedBytes);
      if (exchange.request.path === "/held") {
        unanswered.push(exchange);
      } else {
        answered++;
        exchange.respond(200, new Fields(), Buffer.of());
      }
    },
  });
});

afterEach(() => {
  receivedMemory.budget.limitTo(maxReceivedBytesTotal);
  for (const client of clients) client.reset();
  listener.destroy();
});

/** So many requests behind one that is not answered. */
async function sendAhead(count: number): Promise<RawConnection> {
  const client = await connectRaw(listener.port);
  clients.push(client);
  client.send(held + next.repeat(count));
  return client;
}

async function answersOthers(): Promise<void> {
  using other = await connectRaw(listener.port);
  other.send(next.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  expect(await other.receive("\r\n\r\n")).toStartWith("HTTP/1.1 200");
}

describe("requests that HTTP/1.1 clients send ahead", () => {
  test("never take more memory than all together may have", async () => {
    for (let i = 0; i < clientCount; i++) {
      await sendAhead(30_000);
      await answersOthers();
    }
    await waitFor(() => clients.some((client) => client.isClosed), "somebody to be ended");
    expect(mostBytes).toBeGreaterThan(limitBytes / 2);
    expect(mostBytes).toBeLessThan(limitBytes + readBytes);
    // Those who keep less than the others are served to their end.
    const open = clients.filter((client) => !client.isClosed);
    expect(open.length).toBeGreaterThan(limitBytes / readBytes / 2);
    for (const client of clients) client.reset();
    await waitFor(() => receivedMemory.budget.usedBytes === 0, "everything to be forgotten");
  });

  test("are all answered when there is room for them", async () => {
    const count = 20_000;
    await sendAhead(count);
    await sendAhead(count);
    await waitFor(() => unanswered.length === 2, "both to be held");
    await answersOthers();
    answered = 0;
    for (const exchange of unanswered) exchange.respond(200, new Fields(), Buffer.of());
    await waitFor(() => answered === 2 * count, "all of them to be answered");
    await waitFor(() => receivedMemory.budget.usedBytes === 0, "everything to be forgotten");
  });
});
