/** Checks the commands that arrive over the control socket against the types of `protocol`. */
import * as v from "valibot";
import { CommandError } from "../../config/command-error.ts";
import type { Kind, KindValues } from "../../config/kinds.ts";
import type { TargetOptions } from "../../config/options.ts";
import { mapTable, type SettingTable, type ValueOf } from "../../config/setting.ts";
import { healthCheckSettings, serviceSettings, targetSettings } from "../../config/settings.ts";
import type { Command } from "./protocol.ts";

const texts = v.array(v.string());
const milliseconds = v.pipe(v.number(), v.finite());
const integer = v.pipe(v.number(), v.integer());

const kindSchemas = {
  switch: v.boolean(),
  count: integer,
  bytes: integer,
  percentage: integer,
  duration: milliseconds,
  text: v.string(),
  choice: v.string(),
  list: texts,
  lines: texts,
} satisfies { [K in Kind]: v.GenericSchema<KindValues[K]> };

const targetOptions = v.strictObject({
  ...settingEntries(targetSettings),
  healthCheck: v.strictObject(settingEntries(healthCheckSettings)),
}) satisfies v.GenericSchema<TargetOptions>;

const targets = { targets: texts, readTargets: texts };
const deployTimeouts = { deployTimeoutMs: milliseconds, drainTimeoutMs: milliseconds };

const commandSchema = v.variant("command", [
  v.strictObject({
    command: v.literal("deploy"),
    service: v.string(),
    ...targets,
    options: v.strictObject(settingEntries(serviceSettings)),
    targetOptions,
    ...deployTimeouts,
    force: v.boolean(),
    given: v.exactOptional(texts),
  }),
  v.strictObject({
    command: v.literal("set"),
    service: v.string(),
    values: v.record(v.string(), v.unknown()),
  }),
  v.strictObject({
    command: v.literal("unset"),
    service: v.string(),
    flags: v.nullable(texts),
  }),
  v.strictObject({
    command: v.literal("reload"),
    service: v.nullable(v.string()),
    dryRun: v.boolean(),
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
    command: v.literal("rollout-auto"),
    service: v.string(),
    plan: v.nullable(
      v.strictObject({
        steps: v.array(integer),
        everyMs: milliseconds,
        maxErrorRate: v.number(),
        maxP95: v.number(),
        minRequests: integer,
        promote: v.boolean(),
        drainTimeoutMs: milliseconds,
      }),
    ),
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
  v.strictObject({ command: v.picklist(["list", "status", "certificates"]) }),
  v.strictObject({ command: v.literal("upgrade"), path: v.nullable(v.string()) }),
  v.strictObject({
    command: v.picklist(["certificate-renew", "certificate-forget"]),
    name: v.string(),
  }),
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

type SettingEntries<T extends SettingTable> = {
  [Name in keyof T]: v.GenericSchema<ValueOf<T[Name]>>;
};

/** What a value may be is checked with the options as a whole, which has the better words. */
function settingEntries<T extends SettingTable>(table: T): SettingEntries<T> {
  return mapTable(table, ({ kind }) => kindSchemas[kind]) as unknown as SettingEntries<T>;
}
