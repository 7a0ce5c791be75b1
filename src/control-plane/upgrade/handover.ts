/** What the primary leaves to the executable that takes its place; the descriptors in it stay open. */
import * as v from "valibot";
import type { ProxyEvent } from "../socket/status-protocol.ts";
import type { HandedTarget } from "../health/target-group.ts";

/** Of the messages between the primary and its workers; another one's workers are only waited for. */
export const seamVersion = 1;

const integer = v.pipe(v.number(), v.integer());

const group = v.object({
  fds: v.array(integer),
  port: integer,
  // Not known to versions before.
  outlives: v.optional(v.boolean(), false),
});

const target: v.GenericSchema<HandedTarget> = v.object({
  address: v.string(),
  id: v.string(),
  state: v.picklist(["adding", "healthy", "unhealthy"]),
  lastError: v.nullable(v.string()),
});

const series = v.object({
  method: v.string(),
  status: v.string(),
  // Not known to versions before.
  rollout: v.optional(v.nullable(v.boolean()), null),
  count: v.number(),
  sumSeconds: v.number(),
  bodyBytes: v.optional(v.number(), 0),
  buckets: v.array(v.number()),
});

const counts = v.object({
  requests: v.number(),
  failed: v.number(),
  durations: v.array(v.number()),
});

const event: v.GenericSchema<ProxyEvent> = v.object({
  id: integer,
  at_ms: v.number(),
  kind: v.picklist(["deploy", "change", "health", "certificate", "process"]),
  outcome: v.picklist(["good", "bad", "info", "running"]),
  service: v.string(),
  text: v.string(),
  took_ms: v.nullable(v.number()),
});

const handoverSchema = v.object({
  seamVersion: integer,
  /** Of the program that hands over. */
  version: v.string(),
  /** Its executable, kept open to go back to; -1: there is no way back. */
  executableFd: integer,
  sockets: v.object({ http: group, https: group }),
  /** The control socket, and the connection that waits for the outcome; -1: nobody waits. */
  controlFd: integer,
  replyFd: integer,
  /** Workers that serve until there are new ones, with their channels, and those that only finish. */
  workers: v.array(v.object({ pid: integer, fd: integer })),
  /** As the state file would have it. */
  state: v.string(),
  lastTargetId: integer,
  /** By service: targets as they are in the state, writers first. */
  targets: v.record(
    v.string(),
    v.object({ active: v.array(target), rollout: v.nullable(v.array(target)) }),
  ),
  goneMetrics: v.array(
    v.object({
      service: v.string(),
      inFlight: v.number(),
      started: v.boolean(),
      series: v.array(series),
      answeredBy: v.optional(v.record(v.string(), v.number()), {}),
      events: v.exactOptional(v.record(v.picklist(["retry", "ejection"]), v.number())),
      groups: v.optional(v.nullable(v.object({ rollout: counts, active: counts })), null),
    }),
  ),
  /** What has happened; another version may have other kinds, which are worth no failed upgrade. */
  events: v.fallback(v.array(event), []),
  /** What the status page has recorded, in as much memory as that takes; another version may record otherwise. */
  traffic: v.fallback(
    v.array(v.object({ service: v.nullable(v.string()), points: v.string() })),
    [],
  ),
  // Not known to versions before.
  goneSpans: v.optional(v.object({ exported: v.number(), dropped: v.number() }), {
    exported: 0,
    dropped: 0,
  }),
  goneServed: v.array(v.tuple([v.string(), v.number()])),
  /** Why the executable that was to take over did not: it is the old one again. */
  failure: v.nullable(v.string()),
});

export type Handover = v.InferOutput<typeof handoverSchema>;

/** Throws when it is none, with the reason. */
export function parseHandover(text: string): Handover {
  const result = v.safeParse(handoverSchema, JSON.parse(text), { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Error(`${v.getDotPath(issue) ?? "handover"}: ${issue.message}`);
}
