/**
 * --session-affinity cookie: a client stays with the target that answered it first, as long as that takes
 * requests. The cookie is a signature of the target's address: it tells nobody where that is, and nobody can
 * make one up to choose a target.
 */
import { createHmac } from "node:crypto";
import { cookieValue } from "../../../protocols/http/cookies.ts";
import { isReadRequest } from "../../services/read-request.ts";
import type { Target } from "../../services/target.ts";
import type { RoutedRequest } from "../request-stages.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

const cookieName = "kamal-affinity";
/** 132 bits. */
const signatureLength = 22;
/** In other prefixes something would have to be escaped. */
const plainPath = /^[\w/.~-]+$/;

export const sessionAffinity: PolicyFactory = (service): Policy | null => {
  const { affinityKey, sessionAffinity: kind, readTargetsAcceptWebsockets } = service.options;
  if (kind === "none" || affinityKey === "") return null;
  const { active, rollout } = service.snapshot;
  const signatures = new Map<string, string>();
  for (const { id, address } of [...active.targets, ...(rollout?.targets ?? [])]) {
    const hmac = createHmac("sha256", affinityKey).update(`${service.name}\0${address}`);
    signatures.set(id, hmac.digest("base64url").slice(0, signatureLength));
  }
  const isMeant = ({ id }: Pick<Target, "id">, cookie: string) => signatures.get(id) === cookie;
  return {
    logName: null,
    chooseTarget(request, group, tried) {
      const cookie = cookieOf(request);
      if (cookie === undefined) return undefined;
      const target = group.targets.find((each) => isMeant(each, cookie));
      if (target === undefined || tried.includes(target) || !group.takes(target)) return undefined;
      const { method, upgrade } = request.exchange.request;
      const isRead = isReadRequest(method, upgrade, readTargetsAcceptWebsockets);
      return target.readOnly && !isRead ? undefined : target;
    },
    onResponse({ routed, group, target, exchange }, { fields }) {
      const cookie = cookieOf(routed);
      // A reader that can't take a write, say, stays the one for the reads.
      const isKept =
        cookie !== undefined &&
        group.targets.some((each) => isMeant(each, cookie) && group.takes(each));
      const signature = signatures.get(target.id);
      if (isKept || signature === undefined) return;
      const path = plainPath.test(routed.matchedPrefix) ? routed.matchedPrefix : "/";
      const secure = exchange.request.scheme === "https" ? "; Secure" : "";
      fields.append(
        "Set-Cookie",
        `${cookieName}=${signature}; Path=${path}; HttpOnly; SameSite=Lax${secure}`,
        "set-cookie",
      );
    },
  };
};

function cookieOf({ exchange }: RoutedRequest): string | undefined {
  const { fields } = exchange.request;
  return fields.has("cookie") ? cookieValue(fields.all("cookie"), cookieName) : undefined;
}
