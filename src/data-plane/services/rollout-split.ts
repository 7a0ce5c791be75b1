/** Which requests belong to the rollout group of a service. */
import type { RolloutSplit } from "../../config/options.ts";
import { cookieValue } from "../../protocols/http/cookies.ts";
import type { Fields } from "../../protocols/http/fields.ts";
import { fnv1a32 } from "../../lib/fnv1a.ts";

const rolloutCookieName = "kamal-rollout";

/** Without the cookie a request never belongs to it. */
export function isInRollout(split: RolloutSplit, request: Fields): boolean {
  if (!request.has("cookie")) return false;
  const value = cookieValue(request.all("cookie"), rolloutCookieName);
  if (value === undefined || value === "") return false;
  return split.allowlist.includes(value) || fnv1a32(value) <= split.splitPoint;
}
