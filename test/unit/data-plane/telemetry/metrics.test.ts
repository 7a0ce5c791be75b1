import { describe, expect, test } from "bun:test";
import { formatMetrics } from "../../../../src/control-plane/telemetry/exposition.ts";
import { Metrics } from "../../../../src/data-plane/telemetry/metrics.ts";

const seriesOf = (metrics: Metrics, service: string) =>
  metrics.snapshot().find((one) => one.service === service)?.series ?? [];

describe("Metrics", () => {
  test("counts requests by service, method and status", () => {
    const metrics = new Metrics();
    metrics.countRequest("a", "GET", 200, 0.1);
    metrics.countRequest("a", "GET", 200, 0.2);
    metrics.countRequest("a", "POST", 200, 0.1);
    metrics.countRequest("a", "GET", 404, 0.1);
    metrics.countRequest("b", "GET", 200, 0.1);
    const counts = seriesOf(metrics, "a").map(({ method, status, count }) => [
      method,
      status,
      count,
    ]);
    expect(counts).toEqual([
      ["GET", "200", 2],
      ["POST", "200", 1],
      ["GET", "404", 1],
    ]);
    expect(seriesOf(metrics, "b")).toHaveLength(1);
  });

  test("puts a duration at the bound of a bucket into that bucket", () => {
    const metrics = new Metrics();
    for (const seconds of [0, 0.005, 0.0051, 10, 10.1])
      metrics.countRequest("a", "GET", 200, seconds);
    expect(seriesOf(metrics, "a")[0]!.buckets).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
  });

  test("knows how many requests are under way", () => {
    const metrics = new Metrics();
    metrics.requestStarted("a");
    metrics.requestStarted("a");
    metrics.requestEnded("a");
    expect(metrics.snapshot()).toMatchObject([{ service: "a", inFlight: 1 }]);
    metrics.requestEnded("a");
    metrics.requestEnded("a");
    expect(metrics.snapshot()).toMatchObject([{ service: "a", inFlight: 0 }]);
  });

  test("counts the groups of a rollout apart, and apart from what neither has served", () => {
    const metrics = new Metrics();
    metrics.countRequest("a", "GET", 200, 0.1);
    for (const rollout of [true, false, true, null]) {
      metrics.countRequest("a", "GET", 200, 0.1, rollout);
    }
    expect(seriesOf(metrics, "a").map(({ rollout, count }) => [rollout, count])).toEqual([
      [null, 2],
      [true, 2],
      [false, 1],
    ]);
    const lines = formatMetrics(metrics.snapshot(), []).split("\n");
    expect(lines.filter((line) => line.startsWith("kamal_proxy_http_requests_total{"))).toEqual([
      'kamal_proxy_http_requests_total{method="GET",rollout="false",service="a",status="200"} 1',
      'kamal_proxy_http_requests_total{method="GET",rollout="true",service="a",status="200"} 2',
      'kamal_proxy_http_requests_total{method="GET",service="a",status="200"} 2',
    ]);
  });

  test("calls every method that is not common OTHER", () => {
    const metrics = new Metrics();
    for (let i = 0; i < 1_000; i++) metrics.countRequest("a", `METHOD${i}`, 200, 0);
    metrics.countRequest("a", "get", 200, 0);
    metrics.countRequest("a", "TRACE", 200, 0);
    expect(seriesOf(metrics, "a").map(({ method, count }) => [method, count])).toEqual([
      ["OTHER", 1_001],
      ["TRACE", 1],
    ]);
  });

  test("does not grow with the statuses of an app", () => {
    const metrics = new Metrics();
    for (let status = 100; status < 1_000; status++) metrics.countRequest("a", "GET", status, 0);
    metrics.countRequest("a", "GET", 200, 0);
    const series = seriesOf(metrics, "a");
    expect(series).toHaveLength(251);
    expect(series.find(({ status }) => status === "200")!.count).toBe(2);
    expect(series.find(({ status }) => status === "other")!.count).toBe(650);
  });

  test("forgets the services that were not used for longest when there are too many", () => {
    const metrics = new Metrics();
    metrics.requestStarted("busy");
    for (let i = 0; i < 999; i++) metrics.countRequest(`s${i}`, "GET", 200, 0);
    metrics.countRequest("s0", "GET", 200, 0);
    metrics.countRequest("new", "GET", 200, 0);
    const names = new Set(metrics.snapshot().map(({ service }) => service));
    expect(names.size).toBe(1_000);
    expect(["busy", "s0", "s1", "new"].filter((name) => names.has(name))).toEqual([
      "busy",
      "s0",
      "new",
    ]);
  });
});

describe("formatMetrics", () => {
  test("is empty as long as nothing was counted", () => {
    expect(formatMetrics(new Metrics().snapshot(), [])).toBe("");
  });

  test("has the names, labels and buckets of kamal-proxy", () => {
    const metrics = new Metrics();
    metrics.requestStarted("a");
    metrics.countRequest("a", "GET", 200, 0.02, null, 500);
    metrics.countRequest("a", "GET", 200, 11, null, 20);
    metrics.countRequest("", "FOO", 404, 0.25);
    const figure = { name: "process_open_fds", help: "Open.", type: "gauge", value: 7 } as const;
    const buckets = (labels: string, counts: number[]) =>
      ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"].map(
        (le, i) =>
          `kamal_proxy_http_request_duration_seconds_bucket{${labels},le="${le}"} ${counts[i]}`,
      );
    const get = 'method="GET",service="a",status="200"';
    const other = 'method="OTHER",service="",status="404"';
    expect(formatMetrics(metrics.snapshot(), [figure]).split("\n")).toEqual([
      "# HELP kamal_proxy_http_in_flight_requests Number of in-flight HTTP requests, labeled by service.",
      "# TYPE kamal_proxy_http_in_flight_requests gauge",
      'kamal_proxy_http_in_flight_requests{service="a"} 1',
      "# HELP kamal_proxy_http_request_duration_seconds Duration of HTTP requests, labeled by service, status code and method.",
      "# TYPE kamal_proxy_http_request_duration_seconds histogram",
      ...buckets(get, [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]),
      `kamal_proxy_http_request_duration_seconds_sum{${get}} 11.02`,
      `kamal_proxy_http_request_duration_seconds_count{${get}} 2`,
      ...buckets(other, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]),
      `kamal_proxy_http_request_duration_seconds_sum{${other}} 0.25`,
      `kamal_proxy_http_request_duration_seconds_count{${other}} 1`,
      "# HELP kamal_proxy_http_requests_total HTTP requests processed, labeled by service, status code and method.",
      "# TYPE kamal_proxy_http_requests_total counter",
      `kamal_proxy_http_requests_total{${get}} 2`,
      `kamal_proxy_http_requests_total{${other}} 1`,
      "# HELP kamal_proxy_http_response_body_bytes_total Bytes of response bodies that were sent, by service.",
      "# TYPE kamal_proxy_http_response_body_bytes_total counter",
      'kamal_proxy_http_response_body_bytes_total{service=""} 0',
      'kamal_proxy_http_response_body_bytes_total{service="a"} 520',
      "# HELP process_open_fds Open.",
      "# TYPE process_open_fds gauge",
      "process_open_fds 7",
      "",
    ]);
  });

  test("escapes the names of services", () => {
    const metrics = new Metrics();
    metrics.requestStarted('a"b\\c\nd');
    expect(formatMetrics(metrics.snapshot(), [])).toContain('{service="a\\"b\\\\c\\nd"} 1');
  });
});
