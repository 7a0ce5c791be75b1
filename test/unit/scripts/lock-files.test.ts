import { expect, test } from "bun:test";
import { join } from "node:path";

const projectFolder = join(import.meta.dir, "..", "..", "..");

test("package-lock.json and bun.lock name the same versions", async () => {
  const npmLock = (await Bun.file(join(projectFolder, "package-lock.json")).json()) as {
    packages: Record<string, { version: string }>;
  };
  const bunLock = await Bun.file(join(projectFolder, "bun.lock")).text();
  const packages = Object.entries(npmLock.packages)
    .filter(([path]) => path !== "")
    .map(([path, { version }]) => `${path.split("node_modules/").at(-1)}@${version}`);
  expect(packages.length).toBeGreaterThan(5);
  expect(packages.filter((name) => !bunLock.includes(`"${name}"`))).toEqual([]);
});

test("package-lock.json names no registry", async () => {
  const text = await Bun.file(join(projectFolder, "package-lock.json")).text();
  expect(text).not.toContain('"resolved"');
});
