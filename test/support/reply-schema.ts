/** Checks a reply of the proxy field by field; the command line itself looks only at what it needs. */
import * as v from "valibot";
import { settingSources } from "../../src/config/setting-layers.ts";
import type { Reply, ServiceDescription } from "../../src/control-plane/socket/protocol.ts";

const texts = v.array(v.string());
const integer = v.pipe(v.number(), v.integer());

const source = v.picklist(settingSources);

const serviceDescription = v.strictObject({
  hosts: texts,
  paths: texts,
  targets: texts,
  rollout_targets: texts,
  state: v.picklist(["running", "paused", "stopped"]),
  tls: v.boolean(),
  rollout: v.nullable(v.strictObject({ percentage: v.number(), allowlist: texts })),
  rollout_auto: v.nullable(
    v.strictObject({
      steps: v.array(integer),
      step: integer,
      every_ms: v.number(),
      max_error_rate: v.number(),
      max_p95: v.number(),
      min_requests: integer,
      promote: v.boolean(),
      followed: v.boolean(),
    }),
  ),
  degraded: v.nullable(v.string()),
  held_requests: integer,
  target_details: v.array(
    v.strictObject({
      target: v.string(),
      group: v.picklist(["active", "rollout"]),
      read_only: v.boolean(),
      state: v.picklist(["adding", "healthy", "unhealthy"]),
      last_error: v.nullable(v.string()),
      in_flight: integer,
      served: integer,
      health_url: v.nullable(v.string()),
      health_host: v.string(),
      ejected_for_ms: v.exactOptional(integer),
    }),
  ),
  certificates: v.array(
    v.strictObject({
      name: v.string(),
      source: v.picklist(["file", "acme", "on-demand"]),
      expires: v.nullable(v.string()),
      error: v.nullable(v.string()),
      preflight: v.nullable(v.string()),
    }),
  ),
  options: v.record(v.string(), v.unknown()),
  sources: v.record(v.string(), source),
  set: v.record(v.string(), v.unknown()),
  protected_by: texts,
}) satisfies v.GenericSchema<ServiceDescription>;

const replySchema = v.variant("ok", [
  v.strictObject({
    ok: v.literal(true),
    services: v.exactOptional(v.record(v.string(), serviceDescription)),
    certificates: v.exactOptional(
      v.array(
        v.strictObject({
          name: v.string(),
          service: v.string(),
          source: v.picklist(["file", "acme", "on-demand"]),
          served_by: v.nullable(v.string()),
          issuer: v.nullable(v.string()),
          key: v.nullable(v.string()),
          expires: v.nullable(v.string()),
          expires_in_ms: v.nullable(v.number()),
          renews: v.nullable(v.string()),
          store: v.string(),
          error: v.nullable(v.string()),
          error_at: v.nullable(v.string()),
          preflight: v.nullable(v.string()),
        }),
      ),
    ),
    changes: v.exactOptional(
      v.array(
        v.strictObject({
          service: v.string(),
          flag: v.string(),
          from: v.unknown(),
          to: v.unknown(),
          source,
        }),
      ),
    ),
    warnings: v.exactOptional(texts),
    upgraded: v.exactOptional(
      v.strictObject({ from: v.string(), to: v.string(), workers: integer }),
    ),
    workers: v.exactOptional(
      v.array(
        v.union([
          v.strictObject({
            worker: integer,
            pid: integer,
            state: v.picklist(["starting", "serving", "waiting", "ended"]),
            restarts: integer,
          }),
          v.strictObject({ pid: integer, state: v.literal("finishing"), connections: integer }),
        ]),
      ),
    ),
  }),
  v.strictObject({ ok: v.literal(false), error: v.string() }),
]) satisfies v.GenericSchema<Reply>;

/** Throws an error that names the field at fault. */
export function parseReply(payload: unknown): Reply {
  const result = v.safeParse(replySchema, payload, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Error(`malformed reply (${v.getDotPath(issue)}): ${issue.message}`);
}
