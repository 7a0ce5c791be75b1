import { describe, expect, test } from "bun:test";
import { LoadBalancer } from "../../../../src/data-plane/services/load-balancer.ts";
import { Target } from "../../../../src/data-plane/services/target.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { targetOptions } from "../../../support/service-options.ts";
import { FakeTransport, targetSnapshot } from "../../../support/service-snapshots.ts";

const clock = new ManualClock();

function target(id: string, readOnly = false): Target {
  return new Target(
    targetSnapshot(id, { readOnly }),
    targetOptions(),
    (host, port) => new FakeTransport(host, port),
    clock,
  );
}

function balancer(writers: string[], readers: string[] = []) {
  const targets = [...writers.map((id) => target(id)), ...readers.map((id) => target(id, true))];
  const balancer = new LoadBalancer(targets);
  const setHealthy = (...ids: string[]): void => balancer.setHealthy(({ id }) => ids.includes(id));
  setHealthy(...writers, ...readers);
  const turns = (count: number, isRead = false): (string | undefined)[] =>
    Array.from({ length: count }, () => balancer.claim(isRead)?.id);
  return { balancer, setHealthy, turns, targets };
}

describe("LoadBalancer", () => {
  test("takes strict turns, beginning with the second target", () => {
    const { turns } = balancer(["a", "b", "c"]);
    expect(turns(7)).toEqual(["b", "c", "a", "b", "c", "a", "b"]);
  });

  test("counts the turns of writers and readers apart", () => {
    const { turns } = balancer(["a", "b"], ["r", "s"]);
    expect(turns(1)).toEqual(["b"]);
    expect(turns(3, true)).toEqual(["s", "r", "s"]);
    expect(turns(2)).toEqual(["a", "b"]);
  });

  test("gives reads to the writers when no reader is healthy", () => {
    const { balancer: lb, setHealthy, turns } = balancer(["a", "b"], ["r"]);
    setHealthy("a", "b");
    expect(turns(2, true)).toEqual(["b", "a"]);
    expect(lb.hasReaders).toBe(true);
  });

  test("never gives writes to readers", () => {
    const { setHealthy, turns } = balancer(["a"], ["r"]);
    setHealthy("r");
    expect(turns(1)).toEqual([undefined]);
    expect(turns(1, true)).toEqual(["r"]);
  });

  test("keeps its place when targets leave and come back", () => {
    const { setHealthy, turns } = balancer(["a", "b", "c"]);
    expect(turns(1)).toEqual(["b"]);
    setHealthy("a", "c");
    expect(turns(2)).toEqual(["a", "c"]);
    setHealthy("a", "b", "c");
    expect(turns(2)).toEqual(["c", "a"]);
  });

  test("has none when all of several targets are unhealthy", () => {
    const { setHealthy, turns } = balancer(["a", "b"]);
    setHealthy();
    expect(turns(1)).toEqual([undefined]);
  });

  test("never takes out a single target that was healthy once", () => {
    const { setHealthy, turns } = balancer(["a"]);
    setHealthy();
    expect(turns(2)).toEqual(["a", "a"]);
  });

  test("waits for a single target that was never healthy", () => {
    const lb = new LoadBalancer([target("a")]);
    lb.setHealthy(() => false);
    expect(lb.claim(false)).toBeUndefined();
    lb.setHealthy(() => true);
    expect(lb.claim(false)?.id).toBe("a");
  });

  test("passes over targets that were tried already", () => {
    const { balancer: lb, targets } = balancer(["a", "b"], ["r"]);
    const [a, b, r] = targets;
    expect(lb.claim(false, [b!])).toBe(a);
    expect(lb.claim(true, [r!])).toBe(b);
    expect(lb.claim(true, [r!, a!, b!])).toBeUndefined();
  });

  test("knows whether it is for these very targets", () => {
    const { balancer: lb, targets } = balancer(["a", "b"]);
    expect(lb.isFor(targets)).toBe(true);
    expect(lb.isFor(targets.slice(0, 1))).toBe(false);
    expect(lb.isFor([...targets].toReversed())).toBe(false);
    expect(lb.isFor([target("a"), target("b")])).toBe(false);
  });
});
