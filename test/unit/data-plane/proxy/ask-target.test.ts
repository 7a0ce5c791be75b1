import { expect, test } from "bun:test";
import { askTarget } from "../../../../src/data-plane/proxy/ask-target.ts";
import { LiveServices } from "../../../../src/data-plane/services/live-services.ts";
import type { Transport } from "../../../../src/data-plane/upstream/transport.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { serviceSnapshot, snapshot } from "../../../support/service-snapshots.ts";

test("a question to a target that does not answer is given up with its signal", async () => {
  let cancelled = 0;
  const transport = { send: () => ({ cancel: () => cancelled++ }), retire() {} };
  const services = new LiveServices({
    clock: new ManualClock(),
    createTransport: () => transport as unknown as Transport,
  });
  services.apply(snapshot(serviceSnapshot("web")));
  const controller = new AbortController();
  const asked = askTarget(
    services,
    { service: "web", pathAndQuery: "/check", host: "a.test" },
    controller.signal,
  );
  expect(cancelled).toBe(0);
  controller.abort(new Error("too late"));
  expect(cancelled).toBe(1);
  await expect(asked).rejects.toThrow("too late");
});
