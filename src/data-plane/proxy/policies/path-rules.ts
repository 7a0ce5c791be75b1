/**
 * --redirect and --rewrite. Rules are held against the decoded path, by which requests are routed too; what
 * they take over keeps the escapes that it was sent with, so that what was one segment stays one, and what a
 * URI can't hold is escaped, so that no line and no host can be made up in a path.
 */
import { destinationOf, parsePathRule, type PathRule } from "../../../config/path-rule.ts";
import { encodedSpan, percentDecode } from "../../../protocols/http/percent-encoding.ts";
import { escapePath, redirectBody, redirectFields } from "../answers/redirects.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

/** They see the path that the client asked for, the prefix of the service included. */
export const redirectRules: PolicyFactory = ({ options }, { answers }): Policy | null => {
  if (options.redirects.length === 0) return null;
  const rules = options.redirects.map(parsePathRule);
  return {
    logName: "redirect",
    onRequest(request) {
      const { path, query, method, scheme, host } = request.exchange.request;
      const found = changedPath(rules, path, request.decodedPath);
      if (found === null) return "pass";
      const { rule, target } = found;
      const location = rule.origin + withQuery(target, query);
      // A pattern may match what it makes: better an answer of the app than a loop.
      const asked = path + query;
      if (location === asked || location === `${scheme}://${host}${asked}`) return "pass";
      const fields = redirectFields(method, location);
      const body = Buffer.from(redirectBody(method, rule.status, location), "latin1");
      answers.respond(request, rule.status, fields, body);
      return "answered";
    },
  };
};

/** They see the path that the app would get. */
export const rewriteRules: PolicyFactory = ({ options }): Policy | null => {
  if (options.rewrites.length === 0) return null;
  const rules = options.rewrites.map(parsePathRule);
  return {
    logName: null,
    onOutgoing({ routed }, head) {
      const { targetPath } = routed;
      const found = changedPath(rules, targetPath, percentDecode(targetPath) ?? targetPath);
      if (found !== null) head.target = withQuery(found.target, routed.exchange.request.query);
    },
  };
};

/** The first rule that fits decides. */
function changedPath(
  rules: readonly PathRule[],
  rawPath: string,
  decodedPath: string,
): { rule: PathRule; target: string } | null {
  for (const rule of rules) {
    const match = rule.match(decodedPath);
    if (match === null) continue;
    const target = destinationOf(rule, match, ([start, end]) =>
      escapePath(encodedSpan(rawPath, decodedPath, start, end)),
    );
    return { rule, target };
  }
  return null;
}

/** A query in the rule takes the place of the request's. */
function withQuery(target: string, query: string): string {
  return target.includes("?") ? target : target + query;
}
