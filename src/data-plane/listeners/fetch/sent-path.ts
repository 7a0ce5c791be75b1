/**
 * What Bun's server loses of a path, looked for. Its URLs are those of browsers (WHATWG URL 4.4): tabs are
 * dropped, and so are blanks and control characters at the end. The parameters of a route are taken from the
 * path as it was sent, with its escapes undone, so the routes here have no other meaning than to show them.
 */
import { HeadFault } from "../../../protocols/http/head-fault.ts";

const invalidCharacter = new HeadFault(400, "invalid character in path");

/** Segments of a path that is seen whole, an empty one at its end included; longer paths are not looked at. */
const seenSegments = 32;
/** Segments of a path in which any may be empty: each doubles the number of routes. */
const seenWithEmptySegments = 6;

/**
 * Routes whose parameters are the segments of a path in their order, without the empty ones. One that ends
 * with a slash stands for paths that do.
 */
export const segmentRoutes: readonly string[] = [...segmentPatterns()];

function* segmentPatterns(): Iterable<string> {
  let shapes = [""];
  for (let depth = 1; depth <= seenSegments; depth++) {
    const longer = shapes.map((shape) => `${shape}/:s${depth}`);
    const ending = shapes.map((shape) => `${shape}/`);
    yield* longer;
    yield* ending;
    shapes = depth < seenWithEmptySegments ? [...longer, ...ending] : longer.slice(0, 1);
  }
}

// oxlint-disable no-control-regex
const blankOrControl = /[\0-\x20]/;
const blanksAtEnd = /[\0-\x20]*$/;
const escapedBlanksAtEnd = /(?:%[01][\da-f]|%20)*$/i;
const segmentOfDots = /(?:^|\/)\.{1,2} *$/;

/**
 * `target` with the blanks that Bun has cut off, escaped as it escapes those within a path; or why it can't be had.
 * @param target path and query as Bun tells them
 * @param segments the parameters that one of `segmentRoutes` has, and "" behind them when it ends with a slash
 */
export function targetAsSent(target: string, segments: readonly string[]): string | HeadFault {
  const sent = segments.join("/");
  if (!blankOrControl.test(sent)) return target;
  const path = target.split("?", 1)[0]!;
  if (sent.split("\t").length > path.split("%09").length) return invalidCharacter;
  // With a query the end of the path is not the end of the URL.
  if (path.length < target.length) return target;
  const kept = escapedBlanksAtEnd.exec(path)![0].length / "%20".length;
  const lost = blanksAtEnd.exec(sent)![0].slice(kept);
  if (lost === "") return target;
  // Without the blanks `..` is no name any more.
  if (/[^ ]/.test(lost) || segmentOfDots.test(sent)) return invalidCharacter;
  return target + "%20".repeat(lost.length);
}
