import { expect, test } from "bun:test";
import { Target } from "../../../../src/data-plane/services/target.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { targetOptions } from "../../../support/service-options.ts";
import { FakeTransport, targetSnapshot } from "../../../support/service-snapshots.ts";

function target() {
  return new Target(
    targetSnapshot("a", { address: "app", host: "app", port: 80 }),
    targetOptions(),
    (host, port) => new FakeTransport(host, port),
    new ManualClock(),
  );
}

test("Target connects to its host and port and shows the address it was deployed with", () => {
  const { address, transport } = target();
  expect(address).toBe("app");
  expect(transport.authority).toBe("app:80");
});

test("Target retires its transport once", () => {
  const retiring = target();
  expect(retiring.retired).toBe(false);
  retiring.retire();
  retiring.retire();
  expect(retiring.retired).toBe(true);
  expect(retiring.transport.retired).toBe(1);
});

test("Target counts what it has served", () => {
  const serving = target();
  const request = { isTunnel: false, cancel: () => {} };
  serving.inFlight.begin(request);
  expect(serving.served).toBe(0);
  serving.inFlight.end(request);
  expect(serving.served).toBe(1);
});
