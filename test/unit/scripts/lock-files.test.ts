import { expect, test } from "bun:test";
import { join } from "node:path";

const projectFolder = join(import.meta.dir, "..", "..", "..");

interface NpmPackage {
  version: string;
  integrity?: string;
  optional?: boolean;
}

const npmPackages = await readNpmPackages();
const bunLock = await Bun.file(join(projectFolder, "bun.lock")).text();

test("package-lock.json and bun.lock name the same versions", () => {
  expect(npmPackages.length).toBeGreaterThan(5);
  // npm completes its file by itself with builds for other platforms when the registry has them.
  const missing = npmPackages.filter(
    ({ id, optional }) => !optional && !bunLock.includes(`"${id}"`),
  );
  expect(missing.map(({ id }) => id)).toEqual([]);
  const otherVersion = npmPackages.filter(
    ({ id, name }) => bunLock.includes(`["${name}@`) && !bunLock.includes(`["${id}"`),
  );
  expect(otherVersion.map(({ id }) => id)).toEqual([]);
});

test("both lock files hold a checksum of every package", () => {
  const unchecked = npmPackages.filter(({ integrity }) => !integrity?.startsWith("sha512-"));
  expect(unchecked.map(({ id }) => id)).toEqual([]);
  const bunPackages = bunLock.split("\n").filter((line) => /^ {4}"[^"]+": \["/.test(line));
  expect(bunPackages.length).toBeGreaterThan(5);
  expect(bunPackages.filter((line) => !/"sha512-[^"]{80,}"\],?$/.test(line))).toEqual([]);
});

test("package-lock.json has the version of the package", async () => {
  const read = async (name: string) =>
    (await Bun.file(join(projectFolder, name)).json()) as { version: string };
  expect((await read("package-lock.json")).version).toBe((await read("package.json")).version);
});

test("package-lock.json names no registry", async () => {
  const text = await Bun.file(join(projectFolder, "package-lock.json")).text();
  expect(text).not.toContain('"resolved"');
});

async function readNpmPackages() {
  const lock = (await Bun.file(join(projectFolder, "package-lock.json")).json()) as {
    packages: Record<string, NpmPackage>;
  };
  return Object.entries(lock.packages)
    .filter(([path]) => path !== "")
    .map(([path, entry]) => {
      const name = path.split("node_modules/").at(-1)!;
      return Object.assign({ name, id: `${name}@${entry.version}` }, entry);
    });
}
