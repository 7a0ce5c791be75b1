/** What is reported of spans, where somebody collects them. */
import type { SpanCounts } from "../../seam/data-plane.ts";
import type { Figure } from "./exposition.ts";

export function spanFigures({ exported, dropped }: SpanCounts): Figure[] {
  return [
    {
      name: "kamal_proxy_spans_exported_total",
      help: "Spans of requests that a collector has taken.",
      type: "counter",
      value: exported,
    },
    {
      name: "kamal_proxy_spans_dropped_total",
      help: "Spans dropped because the collector was down, too slow, or refused them.",
      type: "counter",
      value: dropped,
    },
  ];
}
