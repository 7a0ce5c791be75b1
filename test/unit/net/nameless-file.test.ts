import { describe, expect, test } from "bun:test";
import { closeSync, fstatSync, readdirSync, readSync, writeSync } from "node:fs";
import { openNamelessFile } from "../../../src/net/nameless-file.ts";
import { tempFolder } from "../../support/temp-folder.ts";

describe("openNamelessFile", () => {
  test("gives a file of the owner's alone that no name leads to", () => {
    using folder = tempFolder();
    const descriptor = openNamelessFile(folder.path);
    try {
      const { mode, nlink } = fstatSync(descriptor);
      expect([mode & 0o777, nlink, readdirSync(folder.path)]).toEqual([0o600, 0, []]);
      writeSync(descriptor, "body");
      const read = Buffer.alloc(4);
      readSync(descriptor, read, 0, 4, 0);
      expect(read.toString()).toBe("body");
    } finally {
      closeSync(descriptor);
    }
  });

  test("says why there can be none", () => {
    using folder = tempFolder();
    expect(() => openNamelessFile(`${folder.path}/missing`)).toThrow("ENOENT");
  });
});
