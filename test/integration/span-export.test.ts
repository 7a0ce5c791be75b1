/** Spans and a collector that is not always there. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { startApp } from "../support/app.ts";
import { readMetrics } from "../support/proxy-metrics.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { startSpanCollector } from "../support/span-collector.ts";
import { waitFor } from "../support/wait-for.ts";

setDefaultTimeout(60_000);

async function figure(proxy: ProxyProcess, name: string): Promise<number | undefined> {
  const found = new RegExp(`^kamal_proxy_spans_${name}_total (\\d+)$`, "m");
  const [, value] = found.exec(await readMetrics(proxy)) ?? [];
  return value === undefined ? undefined : Number(value);
}

async function visit(proxy: ProxyProcess, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    expect(await (await fetch(`${proxy.url}/${i}`)).text()).toBe("web");
  }
}

test("spans of all workers arrive, are counted, and the last ones come with the end", async () => {
  await using app = startApp(() => new Response("web"));
  await using collector = startSpanCollector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, KAMAL_PROXY_WORKERS: "2" };
  await using proxy = await ProxyProcess.start({ env });
  await proxy.deploy("web", app.address, "--trace-context=generate");
  await visit(proxy, 20);
  await waitFor(() => collector.spans.length === 20, "the spans");
  await waitFor(async () => (await figure(proxy, "exported")) === 20, "their number");
  expect(await figure(proxy, "dropped")).toBe(0);
  const ids = new Set(collector.spans.map(({ spanId }) => spanId));
  expect(ids.size).toBe(20);
  expect((await proxy.runHere("upgrade")).code).toBe(0);
  await visit(proxy, 5);
  expect(await proxy.stop()).toBe(0);
  expect(collector.spans.length).toBe(25);
  expect(collector.faults).toEqual([]);
});

test("a collector that is down costs nobody an answer; its spans come later or are counted", async () => {
  await using app = startApp(() => new Response("web"));
  await using collector = startSpanCollector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, KAMAL_PROXY_WORKERS: "1" };
  await using proxy = await ProxyProcess.start({ env });
  await proxy.deploy("web", app.address, "--trace-context=generate");
  collector.status = 503;
  await visit(proxy, 10);
  const line = await proxy.waitForLog("Unable to export spans");
  expect(line["error"]).toBe("the collector answered 503");
  await visit(proxy, 10);
  collector.status = 200;
  await waitFor(() => collector.spans.length === 20, "the spans");
  collector.status = 400;
  await visit(proxy, 3);
  await proxy.waitForLog("Collector refused spans");
  await waitFor(async () => (await figure(proxy, "dropped")) === 3, "the dropped ones");
});

test("without a collector there are neither spans nor figures of them", async () => {
  await using app = startApp((request) => new Response(request.headers.get("traceparent")));
  await using proxy = await ProxyProcess.start();
  await proxy.deploy("web", app.address, "--trace-context=generate");
  const parent = await (await fetch(proxy.url)).text();
  const line = await proxy.waitForLog("Request");
  expect(parent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(line["trace_id"]).toBe(parent.split("-")[1]);
  expect(await figure(proxy, "exported")).toBeUndefined();
});

test("a setting that makes no sense is refused at the start", async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "otel:4318" };
  await expect(ProxyProcess.start({ env })).rejects.toThrow(
    'invalid value "otel:4318" for OTEL_EXPORTER_OTLP_ENDPOINT: must be an absolute http(s) URL',
  );
});
