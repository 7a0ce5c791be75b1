import { expect, test } from "bun:test";
import { trafficOf } from "../../../src/control-plane/proxy-status.ts";
import { durationBuckets, type Series } from "../../../src/seam/service-metrics.ts";

function series(status: string, count: number, bucket: number): Series {
  const buckets = Array.from({ length: durationBuckets.length + 1 }, () => 0);
  buckets[bucket] = count;
  return {
    method: "GET",
    status,
    rollout: null,
    count,
    sumSeconds: 0,
    bodyBytes: count * 10,
    buckets,
  };
}

test("the traffic of a service is the sum of its series, errors by their class", () => {
  const last = durationBuckets.length;
  const traffic = trafficOf({
    service: "web",
    inFlight: 2,
    started: true,
    answeredBy: {},
    groups: null,
    series: [
      series("200", 5, 0),
      series("404", 3, 0),
      series("499", 1, 1),
      series("502", 2, last),
      series("other", 4, 1),
    ],
  });
  expect(traffic).toMatchObject({ service: "web", in_flight: 2, requests: 15 });
  expect(traffic).toMatchObject({ status_4xx: 4, status_5xx: 2 });
  expect([traffic.buckets[0], traffic.buckets[1], traffic.buckets[last]]).toEqual([8, 5, 2]);
});
