import { describe, expect, test } from "bun:test";
import { LoadBalancer } from "../../../../src/data-plane/services/load-balancer.ts";
import { Target } from "../../../../src/data-plane/services/target.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { targetOptions } from "../../../support/service-options.ts";
import { FakeTransport, targetSnapshot } from "../../../support/service-snapshots.ts";
import { outsideLists } from "../../../support/list-member.ts";

const clock = new ManualClock();

function target(id: string, readOnly = false, weights: string[] = []): Target {
  return new Target(
    targetSnapshot(id, { readOnly }),
    targetOptions({ targetWeights: weights }),
    (host, port) => new FakeTransport(host, port),
    clock,
  );
}

function balancer(writers: string[], readers: string[] = [], weights: string[] = []) {
  const targets = [
    ...writers.map((id) => target(id, false, weights)),
    ...readers.map((id) => target(id, true)),
  ];
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

describe("LoadBalancer, with weights", () => {
  test("mixes the turns as smoothly as they can be", () => {
    const { turns } = balancer(["a", "b", "c"], [], ["a:80=5", "other:80=9"]);
    expect(turns(7)).toEqual(["a", "a", "b", "a", "c", "a", "a"]);
  });

  test("goes on with those that are left", () => {
    const { turns, setHealthy } = balancer(["a", "b", "c"], [], ["a:80=2"]);
    setHealthy("a", "b");
    const taken = turns(30);
    expect(taken.filter((id) => id === "a").length).toBe(20);
  });
});

describe("LoadBalancer, by requests under way", () => {
  test("takes the target with the fewest, in proportion to its weight, and turns among equals", () => {
    const { balancer: subject, targets, turns } = balancer(["a", "b"], [], ["a:80=3"]);
    subject.balance = "least-requests";
    const begin = () => {
      const found = subject.claim(false)!;
      found.inFlight.begin({ ...outsideLists(), isTunnel: false, cancel() {} });
      return found.id;
    };
    expect(Array.from({ length: 8 }, begin).filter((id) => id === "a").length).toBe(6);
    expect(targets.map(({ inFlight }) => inFlight.count)).toEqual([6, 2]);
    const even = balancer(["a", "b"]);
    even.balancer.balance = "least-requests";
    expect(even.turns(3)).toEqual(["b", "a", "b"]);
    expect(turns(1)).toEqual(["a"]);
  });
});

describe("LoadBalancer, with ejected targets", () => {
  test("passes them over for their time, and only while there are others", () => {
    const { balancer: subject, targets, turns } = balancer(["a", "b"]);
    targets[1]!.eject(1_000);
    expect(turns(2)).toEqual(["a", "a"]);
    expect([subject.takes(targets[1]!), subject.hasOther(targets[0]!)]).toEqual([false, false]);
    targets[0]!.eject(2_000);
    expect(turns(2).toSorted()).toEqual(["a", "b"]);
    clock.advance(1_000);
    expect(turns(2)).toEqual(["b", "b"]);
    clock.advance(1_000);
    expect(turns(2).toSorted()).toEqual(["a", "b"]);
  });
});
