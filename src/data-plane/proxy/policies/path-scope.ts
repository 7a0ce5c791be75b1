/**
 * Whether a rule for some paths concerns a request. Routing and rules read the same decoded path, but apps read
 * one path in several ways: with dot segments resolved, slashes merged, parameters cut off, without case.
 * So a rule that restricts concerns every path that might be read as one of its own, and a rule that lets
 * pass only those that can't be read otherwise.
 */
import { percentDecode } from "../../../protocols/http/percent-encoding.ts";
import { byteString } from "../../services/byte-string.ts";
import type { RoutedRequest } from "../request-stages.ts";

/** Escapes that are left, parameters, backslashes, control characters, empty and dot segments. */
// oxlint-disable-next-line no-control-regex
const ambiguous = /[%;\\\0-\x1f\x7f]|\/\/|\/\.\.?(?:\/|$)/;
const escapedSlash = /%2f|%5c/i;

export class PathScope {
  readonly #paths: readonly string[];
  readonly #folded: readonly string[];

  /** Each concerns itself and all below it. */
  constructor(paths: readonly string[]) {
    this.#paths = paths.map((path) => byteString(path).replace(/\/+$/, ""));
    this.#folded = this.#paths.map((path) => path.toLowerCase());
  }

  /** Whether an app may read the path as one of these. */
  mayMean({ decodedPath }: RoutedRequest): boolean {
    const folded = decodedPath.toLowerCase();
    if (isBelowAny(folded, this.#folded)) return true;
    return ambiguous.test(folded) && isBelowAny(resolved(folded), this.#folded);
  }

  /** Whether every app reads the path as one of these. */
  surelyMeans({ decodedPath, exchange }: RoutedRequest): boolean {
    if (!isBelowAny(decodedPath, this.#paths)) return false;
    return !ambiguous.test(decodedPath) && !escapedSlash.test(exchange.request.path);
  }
}

/** Whether a path is that of the prefix, which has no slash at its end, or below it. */
export function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === "/");
}

function isBelowAny(path: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => isBelow(path, prefix));
}

/** As the most generous of apps would read it. */
function resolved(path: string): string {
  const segments: string[] = [];
  // oxlint-disable-next-line no-control-regex
  const decoded = (percentDecode(path) ?? path).replace(/[\0-\x1f\x7f]/g, "");
  for (const part of decoded.split(/[/\\]/)) {
    const segment = part.replace(/;.*/s, "");
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return `/${segments.join("/")}`.toLowerCase();
}
