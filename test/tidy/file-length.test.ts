/** Beyond a certain length something in a file wants to be a file of its own. */
import { expect, test } from "bun:test";
import { sourceFiles, type SourceFiles } from "./source-files.ts";

const maxLines = 350;

function tooLong(files: SourceFiles): string[] {
  return [...files]
    .filter(([, text]) => text.split("\n").length - 1 > maxLines)
    .map(([path]) => path);
}

test(`no file is longer than ${maxLines} lines`, () => {
  expect(tooLong(sourceFiles())).toEqual([]);
});

test("one line too many is found", () => {
  const files = new Map([
    ["lib/full.ts", "\n".repeat(maxLines)],
    ["lib/long.ts", "\n".repeat(maxLines + 1)],
  ]);
  expect(tooLong(files)).toEqual(["lib/long.ts"]);
});
