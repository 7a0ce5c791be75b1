/** What the cookies of --session-affinity are signed with. */
import { randomBytes } from "node:crypto";
import type { ServiceOptions } from "../config/options.ts";

/** It stays with a service, so that clients keep their targets. */
export function withAffinityKey(
  options: ServiceOptions,
  previous: ServiceOptions | undefined,
): ServiceOptions {
  if (options.sessionAffinity === "none") return { ...options, affinityKey: "" };
  const affinityKey = previous?.affinityKey || randomBytes(32).toString("base64url");
  return { ...options, affinityKey };
}
