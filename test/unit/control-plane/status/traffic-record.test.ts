import { describe, expect, test } from "bun:test";
import { statusLimits } from "../../../../src/config/operator-limits.ts";
import { figureNames, TrafficRecord } from "../../../../src/control-plane/status/traffic-record.ts";
import { durationBuckets, type ServiceMetrics } from "../../../../src/seam/service-metrics.ts";

interface Counted {
  ok?: number;
  failed?: number;
  inFlight?: number;
  /** Of the slow ones, beyond every bound. */
  slow?: number;
}

function metrics(
  service: string,
  { ok = 0, failed = 0, inFlight = 0, slow = 0 }: Counted,
): ServiceMetrics {
  const series = (status: string, count: number, bucket: number) => {
    const buckets = durationBuckets.map(() => 0).concat(0);
    buckets[bucket] = count;
    const bodyBytes = count * 100;
    return { method: "GET", status, rollout: null, count, sumSeconds: 0, bodyBytes, buckets };
  };
  const all = [
    series("200", ok, 1),
    series("502", failed, 1),
    series("201", slow, durationBuckets.length),
  ];
  return { service, inFlight, started: true, series: all, answeredBy: {}, groups: null };
}

const figure = (figures: (number | null)[], name: (typeof figureNames)[number]) =>
  figures[figureNames.indexOf(name)];

describe("the record of traffic", () => {
  test("has rates of what came in between, not of what was there before", () => {
    const record = new TrafficRecord();
    record.add([metrics("web", { ok: 1_000 })], 0, 0);
    expect(record.newest).toBe(null);
    record.add([metrics("web", { ok: 1_020, failed: 4, inFlight: 3 })], 2_000, 2_000);
    const { all, services } = record.rates();
    for (const figures of [record.newest!, all, services["web"]!]) {
      expect(figure(figures, "status2xx")).toBe(10);
      expect(figure(figures, "status5xx")).toBe(2);
      expect(figure(figures, "inFlight")).toBe(3);
      expect(figure(figures, "bytes")).toBe(1_200);
      expect(figure(figures, "p50Ms")).toBeCloseTo(7.5, 5);
    }
  });

  test("sums services, and counts one that is new from its first request", () => {
    const record = new TrafficRecord();
    record.add([metrics("web", { ok: 5 })], 0, 0);
    record.add(
      [metrics("api", { ok: 7, inFlight: 1 }), metrics("web", { ok: 8, inFlight: 2 })],
      1_000,
      1_000,
    );
    expect(figure(record.newest!, "status2xx")).toBe(10);
    expect(figure(record.newest!, "inFlight")).toBe(3);
  });

  test("never shows a rate below zero, and has no latency without requests", () => {
    const record = new TrafficRecord();
    record.add([metrics("web", { ok: 500 })], 0, 0);
    record.add([metrics("web", { ok: 3 })], 1_000, 1_000);
    expect(figure(record.newest!, "status2xx")).toBe(0);
    expect(figure(record.newest!, "p99Ms")).toBe(null);
  });

  test("puts what took longer than every bound at the last one", () => {
    const record = new TrafficRecord();
    record.add([metrics("web", {})], 0, 0);
    record.add([metrics("web", { slow: 10 })], 1_000, 1_000);
    expect(figure(record.newest!, "p50Ms")).toBe(10_000);
  });

  test("keeps an hour of the proxy and of each service, and no more", () => {
    const record = new TrafficRecord();
    const seconds = statusLimits.proxyPoints + 50;
    for (let i = 0; i <= seconds; i++)
      record.add([metrics("web", { ok: i * 4 })], i * 1_000, i * 1_000);
    const whole = record.history(null);
    expect(whole.at).toHaveLength(statusLimits.proxyPoints);
    expect(whole.at.at(-1)).toBe(seconds * 1_000);
    expect(whole.figures).toHaveLength(figureNames.length);
    expect(whole.figures[0]!.every((value) => value === 4)).toBe(true);
    const web = record.history("web");
    expect(web.at).toHaveLength(statusLimits.servicePoints);
    expect(web.figures[0]!.every((value) => value === 4)).toBe(true);
    expect(record.history("other").at).toEqual([]);
  });

  test("forgets services that are counted no more, and keeps a bounded number of histories", () => {
    const record = new TrafficRecord();
    const names = Array.from({ length: statusLimits.recordedServices + 2 }, (_, i) => `s${i}`);
    for (let i = 0; i <= 11; i++)
      record.add(
        names.map((name) => metrics(name, { ok: i })),
        i * 1_000,
        i * 1_000,
      );
    expect(record.history("s0").at).toHaveLength(1);
    expect(record.history(names.at(-1)!).at).toHaveLength(0);
    expect(Object.keys(record.rates().services)).toHaveLength(names.length);
    record.add([metrics("s1", {}), metrics("new", {})], 12_000, 12_000);
    expect(Object.keys(record.rates().services)).toEqual(["s1"]);
    for (let i = 13; i < 24; i++)
      record.add([metrics("s1", {}), metrics("new", {})], i * 1_000, i * 1_000);
    expect(record.history("new").at).toHaveLength(1);
  });

  test("has rates of services only where something is asked or under way", () => {
    const record = new TrafficRecord();
    const add = (second: number, web: Counted) =>
      record.add(
        [metrics("web", web), metrics("quiet", { ok: 9 })],
        second * 1_000,
        second * 1_000,
      );
    const named = () => Object.keys(record.rates().services);
    add(0, { ok: 5 });
    add(1, { ok: 5, inFlight: 1 });
    expect(named()).toEqual(["web"]);
    for (let second = 2; second < 9; second++) add(second, { ok: 5 });
    expect(named()).toEqual([]);
    expect(figure(record.newest!, "status2xx")).toBe(0);
  });

  test("goes on where another record has ended, with what that one kept", () => {
    const before = new TrafficRecord();
    for (let i = 0; i <= 30; i++)
      before.add([metrics("web", { ok: i * 7 }), metrics("gone", {})], i * 1_000, i * 1_000);
    const record = new TrafficRecord();
    record.takeOver(before.packed());
    record.takeOver([{ service: null, points: "AAAA" }]);
    for (const service of [null, "web"]) {
      expect(record.history(service)).toEqual(before.history(service));
    }
    record.add([metrics("web", { ok: 300 })], 0, 31_000);
    record.add([metrics("web", { ok: 310 })], 1_000, 32_000);
    const { at, figures } = record.history(null);
    expect(at).toHaveLength(31);
    expect(figures[0]!.slice(-2)).toEqual([7, 10]);
    expect(record.history("gone").at).toEqual([]);
  });
});
