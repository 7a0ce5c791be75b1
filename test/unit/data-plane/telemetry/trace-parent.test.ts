import { describe, expect, test } from "bun:test";
import {
  formatTraceParent,
  parseTraceParent,
} from "../../../../src/data-plane/telemetry/trace-parent.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const parentId = "00f067aa0ba902b7";
const sampled = `00-${traceId}-${parentId}-01`;

describe("traceparent", () => {
  test("is read and written", () => {
    expect(parseTraceParent([sampled])).toEqual({ traceId, parentId, sampled: true });
    expect(parseTraceParent([`00-${traceId}-${parentId}-00`])?.sampled).toBe(false);
    expect(formatTraceParent({ traceId, parentId, sampled: true })).toBe(sampled);
    expect(formatTraceParent({ traceId, parentId, sampled: false })).toEndWith("-00");
  });

  test("of versions to come may have more, and only its known flag counts", () => {
    for (const value of [
      `01-${traceId}-${parentId}-01`,
      `cc-${traceId}-${parentId}-09-more-of-it`,
    ]) {
      expect(parseTraceParent([value])).toEqual({ traceId, parentId, sampled: true });
    }
    expect(parseTraceParent([`00-${traceId}-${parentId}-ff`])?.sampled).toBe(true);
    expect(parseTraceParent([`00-${traceId}-${parentId}-fe`])?.sampled).toBe(false);
  });

  test.each([
    [[]],
    [[""]],
    [[sampled, sampled]],
    [[`${sampled},${sampled}`]],
    [[sampled.toUpperCase()]],
    [[` ${sampled}`]],
    [[`ff-${traceId}-${parentId}-01`]],
    [[`0-${traceId}-${parentId}-01`]],
    [[`00-${"0".repeat(32)}-${parentId}-01`]],
    [[`00-${traceId}-${"0".repeat(16)}-01`]],
    [[`00-${traceId.slice(1)}-${parentId}-01`]],
    [[`00-${traceId}-${parentId.slice(1)}-01`]],
    [[`00-${traceId}-${parentId}-1`]],
    [[`00-${traceId}-${parentId}`]],
    [[`00-${traceId}-${parentId}-01-more`]],
    [[`00-${traceId}-${parentId}-01-`]],
    [[`01-${traceId}-${parentId}-01more`]],
    [[`00_${traceId}_${parentId}_01`]],
    [[`00-${traceId.replace("4", "g")}-${parentId}-01`]],
  ])("is none: %p", (values) => {
    expect(parseTraceParent(values)).toBeNull();
  });
});
