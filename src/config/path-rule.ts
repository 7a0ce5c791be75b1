/** A rule of `--redirect` or `--rewrite`: which paths it is for, and what they become. */
import { LinearPattern, type TextSpan } from "./linear-pattern.ts";
import { PatternFault } from "./pattern-compiler.ts";

/** What is taken over from a path that matched, by its places in the decoded path. */
export interface PathMatch {
  /** `*`: what stands behind the prefix. */
  rest: TextSpan;
  /** The whole match, then the groups; empty unless it was a pattern. */
  groups: readonly TextSpan[];
}

export interface PathRule {
  readonly text: string;
  /** Decoded paths, as byte strings. */
  match(decodedPath: string): PathMatch | null;
  /** `https://host`, as it was given; empty: the rule stays on the host that was asked for. */
  readonly origin: string;
  /** Path and query, with `*` or `$1` for what is put in. */
  readonly destination: string;
  readonly status: number;
}

const redirectStatuses = [301, 302, 303, 307, 308];
const url = /^(https?:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?)(\/.*)?$/;
// oxlint-disable-next-line no-control-regex
const outsideUri = /[\x00-\x20"<>\\^`{|}#\x7f-\uffff]/;
const placeholder = /\*|\$(\d)/g;
const nothing: TextSpan = [0, 0];
const noGroups: readonly TextSpan[] = [];

/** Of a rule without faults. */
export function parsePathRule(text: string): PathRule {
  const [from = "", to = "", status = "301"] = wordsOf(text);
  const [, origin = "", path = "/"] = url.exec(to) ?? [to, "", to];
  return {
    text,
    match: matcher(from),
    origin,
    destination: path,
    status: Number(status),
  };
}

function matcher(from: string): PathRule["match"] {
  if (from.startsWith("~")) {
    const pattern = new LinearPattern(from.slice(1));
    return (path) => {
      const groups = pattern.match(path);
      return groups === null ? null : { rest: nothing, groups };
    };
  }
  if (from.endsWith("*")) {
    const prefix = latin1(from.slice(0, -1));
    return (path) =>
      path.startsWith(prefix) ? { rest: [prefix.length, path.length], groups: noGroups } : null;
  }
  const exact = latin1(from);
  return (path) => (path === exact ? { rest: nothing, groups: noGroups } : null);
}

/**
 * With what matched in its place, as `textOf` says it; one slash begins a path, for two would begin a host
 * (RFC 3986 4.2).
 */
export function destinationOf(
  rule: PathRule,
  match: PathMatch,
  textOf: (span: TextSpan) => string,
): string {
  const path = rule.destination.replaceAll(placeholder, (_, group: string | undefined) =>
    textOf(group === undefined ? match.rest : (match.groups[Number(group)] ?? nothing)),
  );
  return path.replace(/^\/{2,}/, "/");
}

export function redirectRuleFault(text: string): string | undefined {
  const words = wordsOf(text);
  if (words.length < 2 || words.length > 3) return "must be FROM TO, or FROM TO STATUS";
  const [from = "", to = "", status = "301"] = words;
  if (!redirectStatuses.includes(Number(status))) {
    return `must have one of the statuses ${redirectStatuses.join(", ")}`;
  }
  return fromFault(from) ?? toFault(from, to, true);
}

export function rewriteRuleFault(text: string): string | undefined {
  const words = wordsOf(text);
  if (words.length !== 2) return "must be FROM TO";
  const [from = "", to = ""] = words;
  return fromFault(from) ?? toFault(from, to, false);
}

/** The text of a rule whose destination is redirected again without an end; undefined when there is none. */
export function redirectLoop(
  rules: readonly PathRule[],
  hosts: readonly string[],
): string | undefined {
  for (const rule of rules) {
    for (const sample of samples) {
      let next: PathRule | undefined = rule;
      let from = sample;
      let match: PathMatch = wholeOf(sample);
      for (let hops = 0; next !== undefined && !leavesFor(next, hosts); hops++) {
        if (hops > rules.length) return rule.text;
        const destination = destinationOf(next, match, ([start, end]) => from.slice(start, end));
        const path = decoded(destination.split("?", 1)[0]!);
        next = undefined;
        for (const candidate of rules) {
          const found = candidate.match(path);
          if (found === null) continue;
          next = candidate;
          from = path;
          match = found;
          break;
        }
      }
    }
  }
  return undefined;
}

/** What may have matched: nothing, or some name. */
const samples = ["", "a", "1"];

function wholeOf(text: string): PathMatch {
  const whole: TextSpan = [0, text.length];
  return { rest: whole, groups: Array.from({ length: 10 }, () => whole) };
}

/** Whether it leads to a host that is not the service's. */
function leavesFor({ origin }: PathRule, hosts: readonly string[]): boolean {
  if (origin === "") return false;
  const host = origin
    .replace(/^https?:\/\//, "")
    .replace(/:\d+$/, "")
    .toLowerCase();
  return !hosts.includes(host);
}

function fromFault(from: string): string | undefined {
  if (from.startsWith("~")) {
    try {
      void new LinearPattern(from.slice(1));
      return undefined;
    } catch (error) {
      if (error instanceof PatternFault) return `the pattern ${error.message}`;
      throw error;
    }
  }
  if (!from.startsWith("/")) return "must begin with a path, or with ~ and a pattern";
  if (from.slice(0, -1).includes("*")) return "may have * at the end of FROM only";
  return from.includes("?") ? "is for paths, without a query" : undefined;
}

function toFault(from: string, to: string, isRedirect: boolean): string | undefined {
  if (!to.startsWith("/") && !(isRedirect && url.test(to))) {
    return isRedirect ? "must lead to a path or to http(s)://host/path" : "must lead to a path";
  }
  if (outsideUri.test(to)) return "must lead to what a URI may hold, with %-escapes for the rest";
  const groups = from.startsWith("~") ? new LinearPattern(from.slice(1)).groups : -1;
  for (const [whole, group] of to.matchAll(placeholder)) {
    if (whole === "*" ? !from.endsWith("*") || groups >= 0 : Number(group) > groups) {
      return `has ${whole} in TO, for which FROM has nothing`;
    }
  }
  return undefined;
}

function wordsOf(text: string): string[] {
  return text.split(/[ \t]+/).filter((word) => word !== "");
}

/** As requests carry it: decoded, one character per byte. */
function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

function decoded(path: string): string {
  return path.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
