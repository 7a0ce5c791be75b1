import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { readRegularFile, readRegularFileSync } from "../../../src/lib/regular-file.ts";
import { tempFolder } from "../../support/temp-folder.ts";

describe("readRegularFile", () => {
  test("reads a file, also through a link", async () => {
    using folder = tempFolder();
    writeFileSync(folder.file("a"), "content");
    symlinkSync(folder.file("a"), folder.file("link"));
    expect((await readRegularFile(folder.file("link"), 7)).toString()).toBe("content");
    expect(readRegularFileSync(folder.file("link"), 7).toString()).toBe("content");
  });

  test("refuses at once what is no file, or too large", async () => {
    using folder = tempFolder();
    execFileSync("mkfifo", [folder.file("pipe")]);
    mkdirSync(folder.file("folder"));
    writeFileSync(folder.file("large"), "");
    truncateSync(folder.file("large"), 3 * 1024 ** 3);
    const cases = [
      [folder.file("pipe"), "is no regular file"],
      [folder.file("folder"), "is a folder"],
      [folder.file("large"), "larger than 10 bytes"],
      ["/dev/zero", "is no regular file"],
    ] as const;
    for (const [path, text] of cases) {
      await expect(readRegularFile(path, 10)).rejects.toThrow(`${path}: ${text}`);
      expect(() => readRegularFileSync(path, 10)).toThrow(`${path}: ${text}`);
    }
    await expect(readRegularFile(folder.file("none"), 10)).rejects.toThrow("ENOENT");
  });
});
