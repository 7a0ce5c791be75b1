import { describe, expect, test } from "bun:test";
import type { Pause, RolloutSplit } from "../../../../src/config/options.ts";
import { Fields } from "../../../../src/protocols/http/fields.ts";
import { LiveServices } from "../../../../src/data-plane/services/live-services.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { targetOptions } from "../../../support/service-options.ts";
import {
  FakeTransport,
  poolSnapshot,
  serviceSnapshot,
  snapshot,
  targetSnapshot,
} from "../../../support/service-snapshots.ts";
import { outsideLists } from "../../../support/list-member.ts";

const noCookies = new Fields();
const paused: Pause = { state: "paused", stopMessage: "", failAfterMs: 1_000 };

function setup() {
  const clock = new ManualClock();
  const transports: FakeTransport[] = [];
  const live = new LiveServices({
    clock,
    createTransport: (host, port) => {
      const transport = new FakeTransport(host, port);
      transports.push(transport);
      return transport;
    },
    maxHeld: 10,
  });
  const claim = (name: string, fields = noCookies) =>
    live.get(name)!.balancerFor(fields).claim(false);
  return { clock, live, transports, claim };
}

function request() {
  return { ...outsideLists(), isTunnel: false, cancelled: 0, cancel: () => {} };
}

describe("LiveServices", () => {
  test("has nothing to drain at first", async () => {
    const plane = setup().live;
    await plane.drain(["unknown"], 1_000);
    expect(plane.samples()).toEqual({ targets: {}, held: {} });
  });

  test("routes by host and path, and no more after the service is gone", () => {
    const { live } = setup();
    live.apply(
      snapshot(
        serviceSnapshot("web", { options: { hosts: ["app.test"] } }),
        serviceSnapshot("api", { options: { hosts: ["app.test"], pathPrefixes: ["/api"] } }),
      ),
    );
    expect(live.lookup("app.test", "/")?.value.name).toBe("web");
    expect(live.lookup("app.test", "/api/x")).toMatchObject({ prefix: "/api" });
    expect(live.lookup("app.test", "/api/x")?.value.name).toBe("api");
    live.apply(snapshot(serviceSnapshot("web", { options: { hosts: ["app.test"] } })));
    expect(live.lookup("app.test", "/api/x")?.value.name).toBe("web");
    live.apply(snapshot());
    expect(live.lookup("app.test", "/")).toBeUndefined();
  });

  test("matches prefixes outside ASCII by their bytes", () => {
    const { live } = setup();
    live.apply(snapshot(serviceSnapshot("web", { options: { pathPrefixes: ["/café"] } })));
    expect(live.lookup("x", "/caf\xc3\xa9/y")?.prefix).toBe("/caf\xc3\xa9");
  });

  test("keeps services and targets that stay, with their turns and the newest options", () => {
    const { live, transports, claim } = setup();
    live.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["a", "b"]) })));
    const service = live.get("web");
    const first = claim("web");
    expect(first?.id).toBe("b");
    const changed = targetOptions({ bufferRequests: true });
    live.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["a", "b"], changed) })));
    expect(live.get("web")).toBe(service!);
    expect(claim("web")?.id).toBe("a");
    expect(claim("web")).toBe(first!);
    expect(first?.options.bufferRequests).toBe(true);
    expect(transports.map(({ authority, retired }) => [authority, retired])).toEqual([
      ["a:80", 0],
      ["b:80", 0],
    ]);
  });

  test("follows the health of the targets", () => {
    const { live, claim } = setup();
    const unhealthy = targetSnapshot("b", { healthy: false });
    live.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["a", unhealthy]) })));
    expect([claim("web")?.id, claim("web")?.id]).toEqual(["a", "a"]);
    live.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["a", "b"]) })));
    expect([claim("web")?.id, claim("web")?.id]).toEqual(["b", "a"]);
  });

  test("retires replaced targets, and drains them nevertheless", async () => {
    const { clock, live, transports, claim } = setup();
    live.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["old"]) })));
    const old = claim("web")!;
    const underWay = { ...request(), cancel: () => underWay.cancelled++ };
    old.inFlight.begin(underWay);
    live.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["new"]) })));
    expect(claim("web")?.id).toBe("new");
    expect(transports.map(({ retired }) => retired)).toEqual([1, 0]);
    expect(live.samples().targets).toEqual({
      old: { inFlight: 1, served: 0 },
      new: { inFlight: 0, served: 0 },
    });
    const drained = live.drain(["old", "new"], 1_000);
    expect(underWay.cancelled).toBe(0);
    clock.advance(1_000);
    await drained;
    expect(underWay.cancelled).toBe(1);
    old.inFlight.end(underWay);
    expect(Object.keys(live.samples().targets)).toEqual(["new"]);
  });

  test("forgets replaced targets that have nothing to do", () => {
    const { live } = setup();
    live.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["old"]) })));
    live.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["new"]) })));
    expect(Object.keys(live.samples().targets)).toEqual(["new"]);
  });

  test("makes a new target of an id that comes back", () => {
    const { live, transports, claim } = setup();
    const first = snapshot(serviceSnapshot("web", { active: poolSnapshot(["a"]) }));
    live.apply(first);
    const old = claim("web")!;
    const underWay = request();
    old.inFlight.begin(underWay);
    live.apply(snapshot());
    live.apply(first);
    expect(claim("web")).not.toBe(old);
    expect(transports.map(({ retired }) => retired)).toEqual([1, 0]);
    old.inFlight.end(underWay);
    expect(live.samples().targets).toEqual({ a: { inFlight: 0, served: 0 } });
  });

  test("lets held requests go on with the new targets", () => {
    const { live, claim } = setup();
    live.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["old"]), pause: paused })));
    const held = live.get("web")!.gate.enter();
    if (typeof held === "string") throw new Error(held);
    let served: string | undefined;
    held.onOutcome = (outcome) => (served = `${outcome} to ${claim("web")?.id}`);
    live.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["new"]), pause: paused })));
    expect(live.samples().held).toEqual({ web: 1 });
    expect(served).toBeUndefined();
    live.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["new"]) })));
    expect(served).toBe("released to new");
    expect(live.samples().held).toEqual({ web: 0 });
  });

  test("answers what is held when the service is removed", () => {
    const { clock, live } = setup();
    live.apply(snapshot(serviceSnapshot("web", { pause: paused })));
    const held = live.get("web")!.gate.enter();
    if (typeof held === "string") throw new Error(held);
    const outcomes: string[] = [];
    held.onOutcome = (outcome) => outcomes.push(outcome);
    live.apply(snapshot());
    expect(outcomes).toEqual(["removed"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("closes gates and retires targets at the end", () => {
    const { clock, live, transports } = setup();
    live.apply(snapshot(serviceSnapshot("web", { pause: paused })));
    live.get("web")!.gate.enter();
    live.close();
    expect(transports.map(({ retired }) => retired)).toEqual([1]);
    expect(clock.pendingTimers).toBe(0);
    expect(live.lookup("any", "/")).toBeUndefined();
  });
});

describe("LiveServices.tlsPolicy", () => {
  test("of a service below a path follows the root service of the host that was asked for", () => {
    const { live } = setup();
    const tls = { tlsEnabled: true, tlsRedirect: false };
    live.apply(
      snapshot(
        serviceSnapshot("one", { options: { hosts: ["one.test"], ...tls } }),
        serviceSnapshot("two", { options: { hosts: ["two.test"] } }),
        serviceSnapshot("api", {
          options: { hosts: ["one.test", "two.test", "three.test"], pathPrefixes: ["/api"] },
        }),
      ),
    );
    const policy = (name: string, host: string) => {
      const { tlsEnabled, tlsRedirect } = live.tlsPolicy(live.get(name)!, host);
      return { tlsEnabled, tlsRedirect };
    };
    const off = { tlsEnabled: false, tlsRedirect: true };
    expect(policy("one", "one.test")).toEqual(tls);
    expect(policy("api", "one.test")).toEqual(tls);
    expect(policy("api", "two.test")).toEqual(off);
    expect(policy("api", "three.test")).toEqual(off);
  });
});

describe("Service.balancerFor", () => {
  const everybody: RolloutSplit = { percentage: 100, splitPoint: 4_294_967_295, allowlist: [] };
  const cookie = Fields.of(["Cookie", "kamal-rollout=1"]);

  test("chooses the rollout group when there is a rollout and a split", () => {
    const { live, claim } = setup();
    const rollout = poolSnapshot(["next"]);
    const active = poolSnapshot(["now"]);
    live.apply(snapshot(serviceSnapshot("web", { active, rollout, rolloutSplit: everybody })));
    expect(claim("web", cookie)?.id).toBe("next");
    expect(claim("web")?.id).toBe("now");
    live.apply(snapshot(serviceSnapshot("web", { active, rollout })));
    expect(claim("web", cookie)?.id).toBe("now");
    live.apply(snapshot(serviceSnapshot("web", { active, rolloutSplit: everybody })));
    expect(claim("web", cookie)?.id).toBe("now");
  });
});

/** A service below `/app`. */
function serviceChecking(path: string, stripPrefix = true) {
  const { live } = setup();
  const healthCheck = { ...targetOptions().healthCheck, path };
  live.apply(
    snapshot(
      serviceSnapshot("web", {
        options: { pathPrefixes: ["/app"], stripPrefix },
        active: poolSnapshot(["web-1"], targetOptions({ healthCheck })),
      }),
    ),
  );
  return live.get("web")!;
}

describe("Service.isHealthCheck", () => {
  test.each([
    ["GET", "/app/up", true],
    ["HEAD", "/app/up", true],
    ["POST", "/app/up", false],
    ["GET", "/app/up/", false],
    ["GET", "/app/upper", false],
    ["GET", "/up", true],
    ["GET", "/app", false],
  ])("of %s %s is %p", (method, path, expected) => {
    expect(serviceChecking("/up").isHealthCheck(method, path, "/app")).toBe(expected);
    expect(serviceChecking("up").isHealthCheck(method, path, "/app")).toBe(expected);
  });

  test("looks at the whole path when the prefix is not stripped", () => {
    expect(serviceChecking("/up", false).isHealthCheck("GET", "/app/up", "/app")).toBe(false);
    expect(serviceChecking("/app/up", false).isHealthCheck("GET", "/app/up", "/app")).toBe(true);
    expect(serviceChecking("/app/up", false).strippedPrefix("/app")).toBe("/");
  });
});
