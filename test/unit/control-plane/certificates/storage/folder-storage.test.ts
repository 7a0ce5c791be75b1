import { expect, test } from "bun:test";
import { symlinkSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { FolderStorage } from "../../../../../src/control-plane/certificates/storage/folder-storage.ts";
import { tempFolder } from "../../../../support/temp-folder.ts";

test("a folder of certificates reads regular files of a sane size, and waits for nothing else", async () => {
  using folder = tempFolder();
  const storage = new FolderStorage(folder.path);
  writeFileSync(folder.file("good"), "text");
  symlinkSync(folder.file("good"), folder.file("link"));
  await mkdir(folder.file("folder"));
  Bun.spawnSync(["mkfifo", folder.file("pipe")]);
  Bun.spawnSync(["truncate", "-s", "3G", folder.file("huge")]);
  symlinkSync("/dev/zero", folder.file("device"));
  expect(String(await storage.read("good"))).toBe("text");
  expect(String(await storage.read("link"))).toBe("text");
  for (const name of ["missing", "good/below"]) expect(await storage.read(name)).toBe(null);
  for (const name of ["pipe", "device", "folder"]) {
    await expect(storage.read(name)).rejects.toThrow(`${folder.file(name)}: is `);
  }
  await expect(storage.read("huge")).rejects.toThrow("larger than 1048576 bytes");
});
