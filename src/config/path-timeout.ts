/** `/reports=5m`: the time that a target has for a path and all below it. */
import { parseDuration } from "../go/duration.ts";
import { negativeFault } from "./setting.ts";

export interface PathTimeout {
  /** As a byte string, decoded, without a slash at its end. */
  path: string;
  timeoutMs: number;
}

/** Of text without faults. */
export function parsePathTimeout(text: string): PathTimeout {
  const equals = text.lastIndexOf("=");
  const parsed = parseDuration(text.slice(equals + 1));
  const path = text.slice(0, equals).replace(/\/+$/, "");
  return {
    path: Buffer.from(path, "utf8").toString("latin1"),
    timeoutMs: "ms" in parsed ? parsed.ms : 0,
  };
}

export function pathTimeoutFault(text: string): string | undefined {
  const equals = text.lastIndexOf("=");
  if (!text.startsWith("/") || equals < 0) return "must be a path and a time, such as /reports=5m";
  const parsed = parseDuration(text.slice(equals + 1));
  return "error" in parsed ? parsed.error : negativeFault(parsed.ms);
}
