/** Traces as `run` asks for them: ids from the system, spans by HTTP. */
import { randomBytes } from "node:crypto";
import type { TracingSettings } from "../../config/tracing-settings.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { SpanExporter } from "./span-exporter.ts";
import { exportJson } from "./span-json.ts";
import { Tracing } from "./tracing.ts";

/** `version`: of this program, for the collector. */
export function otlpTracing(
  { endpoint, headers, resource, sampler }: TracingSettings,
  version: string,
  clock: Clock,
  logger: Logger,
): Tracing {
  if (endpoint === null) return new Tracing({ sampler, randomId, exporter: null });
  const fields = { "Content-Type": "application/json", ...Object.fromEntries(headers) };
  const exporter = new SpanExporter({
    clock,
    logger,
    format: (spans) => exportJson(resource, version, spans),
    async post(body, signal) {
      const init = { method: "POST", headers: fields, body, signal, redirect: "manual" } as const;
      const response = await fetch(endpoint, init);
      await response.body?.cancel();
      return response.status;
    },
  });
  return new Tracing({ sampler, randomId, exporter });
}

/** Asking the system for each id took 5 µs a request. */
const drawnBytes = 4_096;
let drawn = "";
let taken = 0;

function randomId(bytes: number): string {
  const digits = bytes * 2;
  if (taken + digits > drawn.length) {
    drawn = randomBytes(drawnBytes).toString("hex");
    taken = 0;
  }
  taken += digits;
  return drawn.slice(taken - digits, taken);
}
