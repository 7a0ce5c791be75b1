import { expect, test } from "bun:test";
import { exportJson, type Span, spanJson } from "../../../../src/data-plane/telemetry/span-json.ts";

const span: Span = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  parentId: "b7ad6b7169203331",
  traceState: "a=1,b=2",
  name: "GET",
  startedWallMs: 1_790_000_000_123.5,
  endedWallMs: 1_790_000_000_125,
  attributes: [
    ["url.path", '/b\xc3\xbccher/"\x01'],
    ["http.response.status_code", 502],
    ["kamal.rollout", true],
  ],
  events: [{ name: "request sent", wallMs: 1_790_000_000_124.5, attributes: [["a", "b"]] }],
  failed: true,
};

test("a span is as OTLP has it in JSON", () => {
  const json = JSON.parse(spanJson(span)) as Record<string, unknown>;
  expect(json).toEqual({
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    spanId: "00f067aa0ba902b7",
    parentSpanId: "b7ad6b7169203331",
    traceState: "a=1,b=2",
    name: "GET",
    kind: 2,
    startTimeUnixNano: "1790000000123500000",
    endTimeUnixNano: "1790000000125000000",
    attributes: [
      { key: "url.path", value: { stringValue: '/bücher/"\u0001' } },
      { key: "http.response.status_code", value: { intValue: "502" } },
      { key: "kamal.rollout", value: { boolValue: true } },
    ],
    events: [
      {
        name: "request sent",
        timeUnixNano: "1790000000124500000",
        attributes: [{ key: "a", value: { stringValue: "b" } }],
      },
    ],
    status: { code: 2 },
  });
});

test("the first span of a trace has no parent, and one that went well no status", () => {
  const json = JSON.parse(spanJson({ ...span, parentId: null, traceState: "", failed: false }));
  expect(json).not.toHaveProperty("parentSpanId");
  expect(json).not.toHaveProperty("traceState");
  expect(json.status).toEqual({});
});

test("what a client sends can't make a span without end", () => {
  const long = spanJson({ ...span, attributes: [["user_agent.original", "x".repeat(1e6)]] });
  expect(long.length).toBeLessThan(10_000);
});

test("an export says of what the spans are", () => {
  const json = JSON.parse(exportJson([["service.name", 'a "b"']], "1.2.3", [spanJson(span)]));
  expect(json).toMatchObject({
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: 'a "b"' } }] },
        scopeSpans: [
          { scope: { name: "kamal-proxy", version: "1.2.3" }, spans: [{ spanId: span.spanId }] },
        ],
      },
    ],
  });
});
