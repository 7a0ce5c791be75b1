import { describe, expect, test } from "bun:test";
import type { SamplerSettings } from "../../../../src/config/tracing-settings.ts";
import { SpanExporter } from "../../../../src/data-plane/telemetry/span-exporter.ts";
import { Tracing } from "../../../../src/data-plane/telemetry/tracing.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../support/recording-logger.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const parentId = "00f067aa0ba902b7";
const sampled = `00-${traceId}-${parentId}-01`;
const unsampled = `00-${traceId}-${parentId}-00`;
const everything: SamplerSettings = { parentBased: true, ratio: 1 };

/** Random ids are counted: `…01`, `…02`. */
function tracing(sampler: SamplerSettings, collects: boolean): Tracing {
  let count = 0;
  const exporter = new SpanExporter({
    clock: new ManualClock(),
    logger: new RecordingLogger(),
    format: (spans) => spans.join(),
    post: async () => 200,
  });
  return new Tracing({
    sampler,
    randomId: (bytes) => String(++count).padStart(bytes * 2, "0"),
    exporter: collects ? exporter : null,
  });
}

describe("a request in a trace", () => {
  test("is passed on as it came where nobody collects spans", () => {
    const trace = tracing(everything, false).begin([sampled], false);
    expect(trace).toMatchObject({ traceId, parentId, spanId: null, outgoing: null });
  });

  test("has a span between the client's and the target's where somebody does", () => {
    const trace = tracing(everything, true).begin([sampled], false)!;
    expect(trace).toMatchObject({
      traceId,
      parentId,
      spanId: "0000000000000001",
      outgoing: `00-${traceId}-0000000000000001-01`,
    });
  });

  test("begins one only where it is to, also in place of what was not understood", () => {
    for (const values of [[], ["nonsense"], [sampled, sampled]]) {
      expect(tracing(everything, true).begin(values, false)).toBeNull();
      expect(tracing(everything, true).begin(values, true)).toMatchObject({
        traceId: "00000000000000000000000000000001",
        parentId: null,
        spanId: "0000000000000002",
        outgoing: "00-00000000000000000000000000000001-0000000000000002-01",
      });
    }
    expect(tracing({ parentBased: true, ratio: 0 }, true).begin([], true)).toMatchObject({
      spanId: null,
      outgoing: "00-00000000000000000000000000000001-0000000000000002-00",
    });
  });

  test("is recorded as whoever began the trace has decided, if that is to count", () => {
    const isRecorded = (sampler: SamplerSettings, parent: string): boolean =>
      tracing(sampler, true).begin([parent], false)!.spanId !== null;
    expect(isRecorded({ parentBased: true, ratio: 0 }, sampled)).toBe(true);
    expect(isRecorded({ parentBased: true, ratio: 1 }, unsampled)).toBe(false);
    expect(isRecorded({ parentBased: false, ratio: 0 }, sampled)).toBe(false);
    expect(isRecorded({ parentBased: false, ratio: 1 }, unsampled)).toBe(true);
    // The target is told what was decided here.
    const { outgoing } = tracing({ parentBased: false, ratio: 0 }, true).begin([sampled], false)!;
    expect(outgoing).toBe(unsampled);
  });

  test("is one of a share that goes by the trace id alone", () => {
    const share = tracing({ parentBased: false, ratio: 0.25 }, true);
    let recorded = 0;
    for (let i = 0; i < 4_096; i++) {
      const id = `${"a".repeat(18)}${i.toString(16).padStart(3, "0")}${"5".repeat(11)}`;
      const one = share.begin([`00-${id}-${parentId}-00`], false)!.spanId !== null;
      const again = share.begin([`00-${id}-${parentId}-01`], false)!.spanId !== null;
      expect(again).toBe(one);
      if (one) recorded++;
    }
    expect(recorded).toBe(1_024);
  });
});
