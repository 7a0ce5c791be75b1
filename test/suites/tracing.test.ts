/** To which trace a request belongs, and its span: the same over every protocol. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { ProxyProcess } from "../support/proxy-process.ts";
import { ok, type ScriptedApp, startScriptedApp } from "../support/scripted-app.ts";
import {
  type CollectedSpan,
  type SpanCollector,
  startSpanCollector,
} from "../support/span-collector.ts";
import { waitFor } from "../support/wait-for.ts";
import { ask, type Carrier, type Field } from "./carrier.ts";
import { untilHttp3Serves } from "./http3-carrier.ts";
import { carriers, deployBelow, flagsOfSite, portOf } from "./site.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const parentId = "00f067aa0ba902b7";
const sampled = `00-${traceId}-${parentId}-01`;
const unsampled = `00-${traceId}-${parentId}-00`;
const state: Field = ["tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"];

let proxy: ProxyProcess;
let app: ScriptedApp;
let collector: SpanCollector;

beforeAll(async () => {
  app = startScriptedApp();
  collector = startSpanCollector();
  proxy = await ProxyProcess.start({
    args: ["--http3"],
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20secret",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
      KAMAL_PROXY_WORKERS: "1",
    },
  });
  await proxy.deploy("off", app.address, ...flagsOfSite(proxy));
  for (const mode of ["propagate", "generate"]) {
    await deployBelow(proxy, mode, app.address, `--trace-context=${mode}`);
  }
  await untilHttp3Serves(proxy.httpsPort);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
  await collector[Symbol.asyncDispose]();
});
beforeEach(() => {
  app.answer = () => ok;
});

let requests = 0;

describe.each(carriers)("over $name", (carrier: Carrier) => {
  interface Outcome {
    status: number;
    /** Values of the fields as the app got them. */
    parents: string[];
    states: string[];
    logged: unknown;
    path: string;
  }

  async function get(service: string, ...fields: Field[]): Promise<Outcome> {
    const path = `/${service}/${++requests}`;
    const port = portOf(proxy, carrier);
    const { status } = await ask(carrier, port, { path, fields });
    const seen = app.requests.find(({ startLine }) => startLine.split(" ")[1] === path);
    const valuesOf = (name: string): string[] =>
      (seen?.fields ?? []).filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
    const line = await proxy.waitForLog((one) => one["path"] === path);
    return {
      status,
      parents: valuesOf("traceparent"),
      states: valuesOf("tracestate"),
      logged: line["trace_id"],
      path,
    };
  }

  const spanOf = ({ path }: Outcome): Promise<CollectedSpan> =>
    waitFor(
      () => collector.spans.find(({ attributes }) => attributes["url.path"] === path),
      `the span of ${path}`,
    );

  test("without it the fields go through as they came, whatever they are", async () => {
    for (const value of [sampled, "nonsense"]) {
      const outcome = await get("off", ["traceparent", value], state);
      expect(outcome).toMatchObject({ parents: [value], states: [state[1]], logged: undefined });
    }
  });

  test("a trace goes on with a span of the proxy's own in between", async () => {
    for (const service of ["propagate", "generate"]) {
      const outcome = await get(service, ["traceparent", sampled], state);
      const span = await spanOf(outcome);
      expect(outcome).toMatchObject({
        parents: [`00-${traceId}-${span.spanId}-01`],
        states: [state[1]],
        logged: traceId,
      });
      expect(span).toMatchObject({
        traceId,
        parentSpanId: parentId,
        traceState: state[1],
        kind: 2,
        status: {},
        attributes: {
          "http.request.method": "GET",
          "http.response.status_code": 200,
          "url.scheme": carrier.scheme,
          "network.protocol.version": carrier.protocol.replace("HTTP/", ""),
          "kamal.service": service,
          "kamal.target": app.address,
        },
        events: ["policies passed", "request sent", "response received"],
        resource: { "service.name": "kamal-proxy", "deployment.environment.name": "test" },
      });
      expect(BigInt(span.endTimeUnixNano) > BigInt(span.startTimeUnixNano)).toBe(true);
    }
  });

  test("a trace that is not recorded goes through as it came, and is in the log", async () => {
    const outcome = await get("generate", ["traceparent", unsampled], state);
    expect(outcome).toMatchObject({
      parents: [unsampled],
      states: [state[1]],
      logged: traceId,
    });
    await spanOf(await get("generate"));
    expect(collector.spans.some(({ attributes }) => attributes["url.path"] === outcome.path)).toBe(
      false,
    );
  });

  test("a trace begins only where it is to, and what is none goes no further", async () => {
    for (const fields of [[], [["traceparent", "00-nonsense-01"], state]] as Field[][]) {
      const passed = await get("propagate", ...fields);
      expect(passed).toMatchObject({ parents: [], states: [], logged: undefined });
      const begun = await get("generate", ...fields);
      const span = await spanOf(begun);
      expect(begun).toMatchObject({
        parents: [`00-${span.traceId}-${span.spanId}-01`],
        states: [],
        logged: span.traceId,
      });
      expect(span).not.toHaveProperty("parentSpanId");
    }
  });

  test("of two traces a request belongs to neither", async () => {
    const both: Field[] = [
      ["traceparent", sampled],
      ["traceparent", unsampled],
    ];
    const outcome = await get("generate", ...both);
    expect(outcome.parents.length).toBe(1);
    expect(outcome.logged).not.toBe(traceId);
  });

  test("a request that fails has a span that says why", async () => {
    app.answer = () => "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";
    const failed = await spanOf(await get("generate"));
    expect(failed).toMatchObject({
      status: { code: 2 },
      attributes: { "http.response.status_code": 503, "error.type": "503" },
    });
    app.answer = () => "nothing of the kind\r\n\r\n";
    const outcome = await get("generate");
    expect(outcome.status).toBe(502);
    expect(await spanOf(outcome)).toMatchObject({
      status: { code: 2 },
      attributes: { "error.type": "malformed-response" },
      events: ["policies passed", "request sent", "attempt failed"],
    });
  });
});

test("a collector gets nothing but spans, with the fields that it asks for", () => {
  expect(collector.faults).toEqual([]);
  expect(collector.headers.length).toBeGreaterThan(0);
  for (const headers of collector.headers) {
    expect([headers.get("content-type"), headers.get("x-key")]).toEqual([
      "application/json",
      "a secret",
    ]);
  }
});
