/** Checks the commands that arrive over the control socket against the types of `protocol`. */
import * as v from "valibot";
import { CommandError } from "../../config/command-error.ts";
import type { ServiceOptions, TargetOptions } from "../../config/options.ts";
import type { Command } from "./protocol.ts";

const texts = v.array(v.string());
const milliseconds = v.pipe(v.number(), v.finite());
const integer = v.pipe(v.number(), v.integer());

const serviceOptions = v.strictObject({
  hosts: texts,
  pathPrefixes: texts,
  stripPrefix: v.boolean(),
  tlsEnabled: v.boolean(),
  tlsRedirect: v.boolean(),
  tlsCertificatePath: v.string(),
  tlsPrivateKeyPath: v.string(),
  tlsOnDemandUrl: v.string(),
  canonicalHost: v.string(),
  acmeDirectory: v.string(),
  acmeCachePath: v.string(),
  errorPagePath: v.string(),
  writerAffinityTimeoutMs: milliseconds,
  readTargetsAcceptWebsockets: v.boolean(),
  excludeMetricsPaths: texts,
  clientIpHeader: v.string(),
}) satisfies v.GenericSchema<ServiceOptions>;

const targetOptions = v.strictObject({
  healthCheck: v.strictObject({
    path: v.string(),
    port: integer,
    host: v.string(),
    intervalMs: milliseconds,
    timeoutMs: milliseconds,
  }),
  responseTimeoutMs: milliseconds,
  bufferRequests: v.boolean(),
  bufferResponses: v.boolean(),
  maxMemoryBufferBytes: integer,
  maxRequestBodyBytes: integer,
  maxResponseBodyBytes: integer,
  logRequestHeaders: texts,
  logResponseHeaders: texts,
  forwardHeaders: v.boolean(),
  scopeCookiePaths: v.boolean(),
}) satisfies v.GenericSchema<TargetOptions>;

const targets = { targets: texts, readTargets: texts };
const deployTimeouts = { deployTimeoutMs: milliseconds, drainTimeoutMs: milliseconds };

const commandSchema = v.variant("command", [
  v.strictObject({
    command: v.literal("deploy"),
    service: v.string(),
    ...targets,
    options: serviceOptions,
    targetOptions,
    ...deployTimeouts,
    force: v.boolean(),
  }),
  v.strictObject({
    command: v.literal("rollout-deploy"),
    service: v.string(),
    ...targets,
    ...deployTimeouts,
  }),
  v.strictObject({
    command: v.literal("rollout-set"),
    service: v.string(),
    percentage: integer,
    allowlist: texts,
  }),
  v.strictObject({
    command: v.literal("pause"),
    service: v.string(),
    drainTimeoutMs: milliseconds,
    maxPauseMs: milliseconds,
  }),
  v.strictObject({
    command: v.literal("stop"),
    service: v.string(),
    drainTimeoutMs: milliseconds,
    message: v.string(),
  }),
  v.strictObject({
    command: v.picklist(["rollout-stop", "resume", "remove"]),
    service: v.string(),
  }),
  v.strictObject({ command: v.literal("list") }),
]) satisfies v.GenericSchema<Command>;

/** Throws a CommandError that names the field at fault. */
export function parseCommand(payload: unknown): Command {
  const result = v.safeParse(commandSchema, payload, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue);
  const place = field === null ? "" : ` (${field})`;
  throw new CommandError(`malformed command${place}: ${issue.message}`);
}
