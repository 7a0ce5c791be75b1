import { describe, expect, test } from "bun:test";
import { topLimits } from "../../../../src/config/operator-limits.ts";
import { TrafficHistory } from "../../../../src/cli/top/traffic-history.ts";
import { percentile } from "../../../../src/lib/percentile.ts";
import { proxyStatus, serviceTraffic } from "../../../support/proxy-status.ts";

const bounds = [0.1, 1];
const at = (at_ms: number, requests: number, status_5xx = 0, buckets = [0, 0, 0]) =>
  proxyStatus({
    at_ms,
    traffic: [serviceTraffic({ service: "web", requests, status_5xx, buckets })],
  });

describe("percentile", () => {
  test.each<[number[], number, ReturnType<typeof percentile>]>([
    [[0, 0, 0], 0.5, null],
    [[10, 0, 0], 0.5, 50],
    [[10, 0, 0], 0.95, 95],
    [[5, 5, 0], 0.5, 100],
    [[0, 10, 0], 0.5, 550],
    [[5, 0, 5], 0.99, { aboveMs: 1_000 }],
  ])("of %j at %d is %p", (buckets, share, expected) => {
    const found = percentile(buckets, bounds, share);
    if (typeof expected === "number") expect(found).toBeCloseTo(expected, 6);
    else expect(found).toEqual(expected);
  });
});

describe("the history of traffic", () => {
  test("has rates and latencies of what came since its first sample", () => {
    const history = new TrafficHistory();
    history.add(at(0, 100, 5, [90, 10, 0]));
    expect(history.ratesOf("web").requests).toBe(0);
    history.add(at(2_000, 120, 9, [100, 20, 0]));
    expect(history.ratesOf("web")).toMatchObject({ requests: 10, status5xx: 2, p50Ms: 100 });
    expect(history.ratesOf("other").requests).toBe(0);
    expect(history.requestsOf("web")).toEqual([10]);
  });

  test("looks back over the last samples only, and keeps a bounded number", () => {
    const history = new TrafficHistory();
    const samples = topLimits.historySamples + 10;
    for (let i = 0; i <= samples; i++) history.add(at(i * 1_000, i <= 5 ? i * 100 : 500));
    expect(history.ratesOf("web").requests).toBe(0);
    expect(history.requestsOf("web")).toHaveLength(topLimits.historySamples);
  });

  test("begins anew with a proxy that counts from the beginning", () => {
    const history = new TrafficHistory();
    history.add(at(1_000, 100));
    history.add(at(2_000, 200));
    history.add(at(3_000, 3));
    expect(history.ratesOf("web").requests).toBe(0);
    expect(history.requestsOf("web")).toEqual([]);
  });

  test("counts a service from nothing when it is new, and forgets one that is gone", () => {
    const history = new TrafficHistory();
    history.add(proxyStatus({ at_ms: 0 }));
    history.add(at(1_000, 7));
    expect(history.ratesOf("web").requests).toBe(7);
    history.add(proxyStatus({ at_ms: 2_000 }));
    expect(history.requestsOf("web")).toEqual([]);
  });

  test("knows what part of a processor a process has used", () => {
    const history = new TrafficHistory();
    const used = (at_ms: number, cpu_seconds: number) => {
      const common = { worker: 0, state: "serving" as const, restarts: 0, memory_bytes: 0 };
      return proxyStatus({ at_ms, processes: [{ ...common, pid: 5, cpu_seconds }] });
    };
    history.add(used(0, 1));
    history.add(used(2_000, 2));
    expect(history.cpuOf(5)).toBe(0.5);
    expect(history.cpuOf(6)).toBe(0);
  });
});
