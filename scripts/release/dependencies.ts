/** The packages that end up in the executable: the runtime dependencies and all that they need. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../project.ts";

export interface Dependency {
  name: string;
  version: string;
  license: string;
  /** `sha512-…` of the lock file; empty when it has none. */
  integrity: string;
  /** Where it is installed. */
  folder: string;
  /** Name and version of what it needs itself. */
  needs: string[];
  /** The project itself asks for it. */
  direct: boolean;
}

/** Name and version, registry address, details, integrity. */
type LockEntry = [
  string,
  string?,
  { dependencies?: Record<string, string>; optionalPeers?: string[] }?,
  string?,
];

interface LockFile {
  workspaces: Record<string, { dependencies?: Record<string, string> }>;
  packages: Record<string, LockEntry>;
}

/** Sorted by name and version. */
export function runtimeDependencies(): Dependency[] {
  const lock = readLockFile();
  const found = new Map<string, Dependency>();
  const add = (key: string): string => {
    const entry = lock.packages[key]!;
    const [identifier] = entry;
    if (found.has(key)) return identifier;
    const dependency = describe(key, entry);
    found.set(key, dependency);
    for (const name of Object.keys(entry[2]?.dependencies ?? {})) {
      dependency.needs.push(add(resolve(lock, key, name)));
    }
    return identifier;
  };
  for (const name of Object.keys(lock.workspaces[""]?.dependencies ?? {})) {
    const key = resolve(lock, "", name);
    add(key);
    found.get(key)!.direct = true;
  }
  return [...found.values()].toSorted((a, b) => (identity(a) < identity(b) ? -1 : 1));
}

/** The runtime itself, which is compiled in. */
export function bunDependency(): Dependency {
  const lock = readLockFile();
  return describe("bun", lock.packages["bun"]!);
}

function identity({ name, version }: Dependency): string {
  return `${name}@${version}`;
}

function readLockFile(): LockFile {
  return Bun.JSONC.parse(readFileSync(join(projectFolder, "bun.lock"), "utf8")) as LockFile;
}

/** As Node does: the copy nearest to the package that asks. */
function resolve(lock: LockFile, from: string, name: string): string {
  for (let place = from; place !== ""; place = parent(place)) {
    if (lock.packages[`${place}/${name}`] !== undefined) return `${place}/${name}`;
  }
  if (lock.packages[name] === undefined) throw new Error(`${name} is not in bun.lock`);
  return name;
}

/** Keys are package names joined by slashes, and a scoped name has one of its own. */
function parent(key: string): string {
  const names = key.match(/@[^/]+\/[^/]+|[^/]+/g) ?? [];
  return names.slice(0, -1).join("/");
}

function describe(key: string, [identifier, , , integrity = ""]: LockEntry): Dependency {
  const at = identifier.lastIndexOf("@");
  const names = key.match(/@[^/]+\/[^/]+|[^/]+/g) ?? [];
  const folder = join(projectFolder, "node_modules", ...names.join("/node_modules/").split("/"));
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    license?: string;
  };
  return {
    name: identifier.slice(0, at),
    version: identifier.slice(at + 1),
    license: manifest.license ?? "NOASSERTION",
    integrity,
    folder,
    needs: [],
    direct: false,
  };
}
