/** One name means one thing: what two modules export under the same name can be taken for each other. */
import { describe, expect, test } from "bun:test";
import { sourceFiles, type SourceFiles } from "./source-files.ts";

const declarations =
  /^export (?:declare |abstract |async )*(?:const|let|function\*?|class|interface|type|enum) (?<name>[\w$]+)/gm;

/** Names that more than one module exports. */
function namesTwice(files: SourceFiles): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const text of files.values()) {
    const own = new Set([...text.matchAll(declarations)].map(({ groups }) => groups!["name"]!));
    for (const name of own) (seen.has(name) ? twice : seen).add(name);
  }
  return [...twice].toSorted();
}

/** Files whose name is not kebab-case. */
function oddNames(files: SourceFiles): string[] {
  return [...files.keys()].filter((path) => !/^([a-z0-9]+(-[a-z0-9]+)*\/?)+\.ts$/.test(path));
}

describe("names", () => {
  test("are exported once", () => {
    expect(namesTwice(sourceFiles())).toEqual([]);
  });

  test("of files are kebab-case", () => {
    expect(oddNames(sourceFiles())).toEqual([]);
  });
});

describe("the rule of the names", () => {
  test.each([
    "export class Thing {}",
    "export abstract class Thing {}",
    "export interface Thing {}",
    "export type Thing = string;",
    "export const Thing = 1;",
    "export async function Thing() {}",
    "export function Thing(a: string): void;\nexport function Thing(a: number): void;",
  ])("finds %p", (source) => {
    const other = ["lib/other.ts", "export function Thing() {}"] as const;
    expect(namesTwice(new Map([["lib/thing.ts", source], other]))).toEqual(["Thing"]);
    expect(namesTwice(new Map([["lib/thing.ts", source]]))).toEqual([]);
  });

  test("finds files in other cases", () => {
    const files = ["lib/someThing.ts", "lib/Thing.ts", "lib/some_thing.ts", "lib/some-thing2.ts"];
    expect(oddNames(new Map(files.map((path) => [path, ""])))).toEqual(files.slice(0, 3));
  });
});
