import { expect, test } from "bun:test";
import { Target } from "../../../../src/data-plane/services/target.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { targetOptions } from "../../../support/service-options.ts";
import { FakeTransport, targetSnapshot } from "../../../support/service-snapshots.ts";
import { outsideLists } from "../../../support/list-member.ts";

function setup(): { target: Target; transport: FakeTransport } {
  let transport!: FakeTransport;
  const target = new Target(
    targetSnapshot("a", { address: "app", host: "app", port: 80 }),
    targetOptions(),
    (host, port) => (transport = new FakeTransport(host, port)),
    new ManualClock(),
  );
  return { target, transport };
}

test("Target connects to its host and port and shows the address it was deployed with", () => {
  const { target, transport } = setup();
  expect(target.address).toBe("app");
  expect(transport.authority).toBe("app:80");
});

test("Target retires its transport once", () => {
  const { target, transport } = setup();
  expect(target.retired).toBe(false);
  target.retire();
  target.retire();
  expect(target.retired).toBe(true);
  expect(transport.retired).toBe(1);
});

test("Target counts what it has served", () => {
  const serving = setup().target;
  const request = { ...outsideLists(), isTunnel: false, cancel: () => {} };
  serving.inFlight.begin(request);
  expect(serving.served).toBe(0);
  serving.inFlight.end(request);
  expect(serving.served).toBe(1);
});
