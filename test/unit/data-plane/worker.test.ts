import { expect, test } from "bun:test";
import { startWorker } from "../../../src/data-plane/worker.ts";
import { DistantDataPlane } from "../../../src/seam/distant-data-plane.ts";
import { dataPlaneOptions } from "../../../src/seam/plane-calls.ts";
import { joinedEnds } from "../../../src/seam/seam-end.ts";
import { startApp } from "../../support/app.ts";
import { Http2Connection } from "../../support/http2-connection.ts";
import { flags, frame, frameTypes, preface, settingsFrame } from "../../support/http2-frames.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { connectRaw } from "../../support/raw-connection.ts";
import { readResponse } from "../../support/raw-response.ts";
import { runOptions } from "../../support/run-options.ts";
import {
  poolSnapshot,
  serviceSnapshot,
  snapshot,
  targetSnapshot,
} from "../../support/service-snapshots.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { waitFor } from "../../support/wait-for.ts";

test("a worker without a primary ends when the last request is answered, and waits for nobody else", async () => {
  using folder = tempFolder();
  const answer = Promise.withResolvers<Response>();
  await using app = startApp(() => answer.promise);
  const [primary, end] = joinedEnds();
  let hasEnded = false;
  // No time passes, so it can't be a timer that ends it.
  startWorker({
    end,
    output: { write() {} },
    clock: new ManualClock(),
    onEnd: () => (hasEnded = true),
  });
  const plane = new DistantDataPlane(primary, {
    certificate: async () => null,
    async rsaWanted() {},
    async proxyHeaderFaults() {},
    challenge: async () => null,
  });
  await plane.start(dataPlaneOptions(runOptions(folder.path), 1, 1));
  const { http } = await plane.listen();
  const target = targetSnapshot("app", { host: "127.0.0.1", port: app.port });
  const options = { hosts: ["web.test"] };
  await plane.apply(snapshot(serviceSnapshot("web", { options, active: poolSnapshot([target]) })));

  using fresh = await connectRaw(http);
  using idle = await connectRaw(http);
  idle.send("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
  expect((await readResponse(idle)).status).toBe(404);
  using streams = new Http2Connection(await connectRaw(http));
  streams.send(preface, settingsFrame([]));
  await waitFor(
    () => streams.frames.some(({ type }) => type === frameTypes.settings),
    "its settings",
  );
  using asking = await connectRaw(http);
  asking.send("GET / HTTP/1.1\r\nHost: web.test\r\n\r\n");
  await waitFor(() => app.requestCount === 1, "the request");

  primary.close();
  const ping = await waitFor(
    () => streams.frames.find(({ type }) => type === frameTypes.ping),
    "its ping",
  );
  streams.send(frame(frameTypes.ping, flags.ack, 0, ping.payload));
  for (const connection of [fresh, idle, streams.raw]) {
    await waitFor(() => connection.peerEnded, "the end of an idle connection");
    expect(connection.endedInOrder).toBe(true);
    connection.close();
  }
  expect(streams.frames.some(({ type }) => type === frameTypes.goAway)).toBe(true);
  expect(hasEnded).toBe(false);
  answer.resolve(new Response("in time"));
  expect(await readResponse(asking)).toMatchObject({ status: 200, body: Buffer.from("in time") });
  await waitFor(() => asking.peerEnded, "the end of the connection");
  asking.close();
  await waitFor(() => hasEnded, "the end of the worker");
});
