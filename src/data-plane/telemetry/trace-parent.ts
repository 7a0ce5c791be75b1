/** The field `traceparent` (W3C Trace Context, level 1), read and written. Pure. */

export interface TraceParent {
  /** 32 hexadecimal digits, not all of them 0. */
  traceId: string;
  /** Of the span that has sent it: 16 digits, not all of them 0. */
  parentId: string;
  sampled: boolean;
}

const syntax = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const noTrace = "0".repeat(32);
const noParent = "0".repeat(16);

/**
 * Null when it is none (3.2.2): letters are small, versions to come may have more behind it, and one trace has
 * one such field.
 */
export function parseTraceParent(values: readonly string[]): TraceParent | null {
  if (values.length !== 1) return null;
  const [, version, traceId, parentId, flags, more] = syntax.exec(values[0]!) ?? [];
  if (traceId === undefined || parentId === undefined || version === "ff") return null;
  if (version === "00" && more !== undefined) return null;
  if (traceId === noTrace || parentId === noParent) return null;
  return { traceId, parentId, sampled: (Number.parseInt(flags!, 16) & 1) === 1 };
}

export function formatTraceParent({ traceId, parentId, sampled }: TraceParent): string {
  return `00-${traceId}-${parentId}-${sampled ? "01" : "00"}`;
}
