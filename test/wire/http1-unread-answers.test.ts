/** Clients that send requests without reading the answers: little is kept for them, and none of it is lost. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { clientLimits } from "../../src/config/defaults.ts";
import { Fields } from "../../src/protocols/http/fields.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { DescriptorGuard } from "../../src/data-plane/listeners/accept/descriptor-guard.ts";
import { HttpPort } from "../../src/data-plane/listeners/http-port.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { waitFor } from "../support/wait-for.ts";

const answer = Buffer.alloc(100_000, "x");
/** Far more than the kernel keeps for one connection. */
const requestCount = 500;
const request = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";

let listener: HttpPort;
let client: RawConnection;
let answered = 0;

beforeEach(async () => {
  answered = 0;
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
      if (exchange.request.path === "/large") answered += 1;
      exchange.respond(
        200,
        new Fields(),
        exchange.request.path === "/large" ? answer : Buffer.of(),
      );
    },
  });
  client = await connectRaw(listener.port);
  client.pause();
});

afterEach(() => {
  client.reset();
  listener.destroy();
});

/** When others have been answered so often without a change, what came before has been dealt with. */
async function answersSettle(): Promise<void> {
  let last = -1;
  let rounds = 0;
  await waitFor(async () => {
    using other = await connectRaw(listener.port);
    other.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await other.receiveAll();
    rounds = answered === last ? rounds + 1 : 0;
    last = answered;
    return answered > 0 && rounds === 20;
  }, "the number of answers to settle");
}

async function bytesReceived(): Promise<number> {
  client.resume();
  await waitFor(() => client.peerEnded, "the end of the connection");
  return client.receivedBytes;
}

describe("an HTTP/1.1 connection whose client reads nothing", () => {
  test("is given no more answers than the kernel takes, and all of them later", async () => {
    client.send(request.repeat(requestCount - 1));
    client.send(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    await answersSettle();
    expect(answered).toBeLessThan(requestCount / 2);
    expect(await bytesReceived()).toBeGreaterThan(requestCount * answer.length);
    expect(answered).toBe(requestCount);
  });

  test("still gets what was answered when the listener finishes", async () => {
    client.send(request.repeat(requestCount));
    await answersSettle();
    const whole = answered;
    const finished = listener.finish();
    expect(await bytesReceived()).toBeGreaterThan(whole * answer.length);
    expect(answered).toBe(whole);
    await finished;
  });

  test("still gets all answers when it has ended its side", async () => {
    client.send(request.repeat(requestCount));
    client.end();
    await answersSettle();
    expect(await bytesReceived()).toBeGreaterThan(requestCount * answer.length);
  });
});
