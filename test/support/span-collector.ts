/**
 * A collector that takes spans over OTLP/HTTP as JSON, and nothing that is none: keys, types and forms are those
 * of the protocol's definition (trace.proto, JSON of protocol buffers, ids in hexadecimal digits).
 */
import * as v from "valibot";

const digits = (count: number) => v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${count}}$`)));
const whole = v.pipe(v.string(), v.regex(/^-?\d{1,19}$/));
const attributes = v.array(
  v.strictObject({
    key: v.pipe(v.string(), v.nonEmpty()),
    value: v.union([
      v.strictObject({ stringValue: v.string() }),
      v.strictObject({ intValue: whole }),
      v.strictObject({ boolValue: v.boolean() }),
    ]),
  }),
);

const span = v.strictObject({
  traceId: digits(32),
  spanId: digits(16),
  parentSpanId: v.exactOptional(digits(16)),
  traceState: v.exactOptional(v.string()),
  name: v.pipe(v.string(), v.nonEmpty()),
  kind: v.picklist([1, 2, 3, 4, 5]),
  startTimeUnixNano: whole,
  endTimeUnixNano: whole,
  attributes,
  events: v.array(v.strictObject({ timeUnixNano: whole, name: v.string(), attributes })),
  status: v.strictObject({ code: v.exactOptional(v.picklist([0, 1, 2])) }),
});

const exported = v.strictObject({
  resourceSpans: v.array(
    v.strictObject({
      resource: v.strictObject({ attributes }),
      scopeSpans: v.array(
        v.strictObject({
          scope: v.strictObject({ name: v.string(), version: v.string() }),
          spans: v.array(span),
        }),
      ),
    }),
  ),
});

export interface CollectedSpan extends Omit<v.InferOutput<typeof span>, "attributes" | "events"> {
  attributes: Record<string, string | number | boolean>;
  events: string[];
  resource: Record<string, string | number | boolean>;
}

export interface SpanCollector extends AsyncDisposable {
  readonly url: string;
  readonly spans: CollectedSpan[];
  /** What was sent that is no export of spans. */
  readonly faults: string[];
  /** Of the requests so far. */
  readonly headers: Headers[];
  /** 200 unless a test says otherwise. */
  status: number;
}

export function startSpanCollector(): SpanCollector {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      collector.headers.push(request.headers);
      if (collector.status !== 200) return new Response(null, { status: collector.status });
      const { pathname } = new URL(request.url);
      if (request.method !== "POST" || pathname !== "/v1/traces") {
        collector.faults.push(`${request.method} ${pathname}`);
        return new Response(null, { status: 404 });
      }
      take(await request.json());
      return Response.json({});
    },
  });
  function take(body: unknown): void {
    const result = v.safeParse(exported, body);
    if (!result.success) {
      for (const issue of result.issues) {
        collector.faults.push(`${v.getDotPath(issue)}: ${issue.message}`);
      }
      return;
    }
    for (const { resource, scopeSpans } of result.output.resourceSpans) {
      for (const one of scopeSpans.flatMap(({ spans }) => spans)) {
        collector.spans.push({
          ...one,
          attributes: valuesOf(one.attributes),
          events: one.events.map(({ name }) => name),
          resource: valuesOf(resource.attributes),
        });
      }
    }
  }
  const collector: SpanCollector = {
    url: `http://127.0.0.1:${server.port}`,
    spans: [],
    faults: [],
    headers: [],
    status: 200,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
  return collector;
}

function valuesOf(
  pairs: v.InferOutput<typeof attributes>,
): Record<string, string | number | boolean> {
  return Object.fromEntries(
    pairs.map(({ key, value }) => {
      if ("stringValue" in value) return [key, value.stringValue];
      return [key, "intValue" in value ? Number(value.intValue) : value.boolValue];
    }),
  );
}
