/** Decides for each request to which trace it belongs, and whether a span is made of it. Pure. */
import type { SamplerSettings } from "../../config/tracing-settings.ts";
import { spanLimits } from "../../config/span-limits.ts";
import type { DataPlaneSamples } from "../../seam/data-plane.ts";
import type { SpanEvent } from "./span-json.ts";
import type { SpanExporter } from "./span-exporter.ts";
import { formatTraceParent, parseTraceParent } from "./trace-parent.ts";

/** A request as a part of a trace. */
export interface RequestTrace {
  readonly traceId: string;
  /** Span of whoever has sent the request; null: the trace begins here. */
  readonly parentId: string | null;
  /** The span of this request; null: it is not recorded. */
  readonly spanId: string | null;
  /** What the target gets in place of the client's; null: that one. */
  readonly outgoing: string | null;
  /** What has happened, when it is recorded. */
  readonly events: SpanEvent[];
}

export interface TracingParts {
  sampler: SamplerSettings;
  /** So many random bytes in hexadecimal digits. */
  randomId(bytes: number): string;
  /** Null: nobody takes spans. */
  exporter: SpanExporter | null;
}

/** The share is compared with this many bits of the trace id, so that all who see the trace decide alike. */
const comparedBits = 52;

export class Tracing {
  readonly exporter: SpanExporter | null;
  readonly #parts: TracingParts;

  constructor(parts: TracingParts) {
    this.#parts = parts;
    this.exporter = parts.exporter;
  }

  /** Nothing where nobody takes spans. */
  get counts(): Pick<DataPlaneSamples, "spans"> {
    return this.exporter === null ? {} : { spans: { ...this.exporter.counts } };
  }

  /** The last spans go out. */
  async close(): Promise<void> {
    await this.exporter?.close(spanLimits.closeMs);
  }

  /** `received`: the values of `traceparent`. Null: there is no trace, and none is to begin. */
  begin(received: readonly string[], generates: boolean): RequestTrace | null {
    const parent = received.length === 0 ? null : parseTraceParent(received);
    if (parent === null && !generates) return null;
    const traceId = parent?.traceId ?? this.#parts.randomId(16);
    const sampled = this.#samples(traceId, parent?.sampled ?? null);
    const isRecorded = sampled && this.exporter !== null;
    const spanId = isRecorded ? this.#parts.randomId(8) : null;
    const parentId = parent?.parentId ?? null;
    const isChanged = spanId !== null || parent === null || parent.sampled !== sampled;
    return {
      traceId,
      parentId,
      spanId,
      outgoing: isChanged
        ? formatTraceParent({
            traceId,
            parentId: spanId ?? parentId ?? this.#parts.randomId(8),
            sampled,
          })
        : null,
      events: [],
    };
  }

  /** `parent`: what whoever began the trace has decided; null: nobody has. */
  #samples(traceId: string, parent: boolean | null): boolean {
    const { parentBased, ratio } = this.#parts.sampler;
    if (parentBased && parent !== null) return parent;
    if (ratio >= 1) return true;
    // The last 56 bits are random in any trace id (W3C Trace Context level 2); the first 52 of them count.
    const random = Number.parseInt(traceId.slice(18, 31), 16);
    return random >= (1 - ratio) * 2 ** comparedBits;
  }
}
