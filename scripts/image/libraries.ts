/**
 * Finds the shared libraries that an executable needs: on this machine, in a given root folder, or,
 * for another machine, in Debian's package of the C library, fetched with this system's own apt.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { elfNeeds } from "./elf-needs.ts";
import { hostPlatform, type Platform } from "./platform.ts";

export interface Library {
  /** In the image, without the leading slash. */
  path: string;
  content: Uint8Array;
}

export interface Libraries {
  files: Library[];
  /** Copyright file of the package that they are from; empty when there is none. */
  notice: string;
}

const cLibraryPackage = "libc6";

/** `systemRoot`: where to look; undefined: this machine, or a download when it is another machine's. */
export async function findLibraries(
  executable: Buffer,
  platform: Platform,
  systemRoot: string | undefined,
  scratchFolder: string,
): Promise<Libraries> {
  const { interpreter, libraries } = elfNeeds(executable);
  const root = systemRoot ?? (await defaultRoot(platform, scratchFolder));
  const paths = new Set([
    interpreter.slice(1),
    ...libraries
      // The loader is also named as a library; it is loaded once, from its own path.
      .filter((name) => !interpreter.endsWith(`/${name}`))
      .map((name) => locate(root, name, platform)),
  ]);
  const notice = join(root, "usr/share/doc", cLibraryPackage, "copyright");
  return {
    files: [...paths].toSorted().map((path) => ({ path, content: readLibrary(root, path) })),
    notice: existsSync(notice) ? readFileSync(notice, "utf8") : "",
  };
}

async function defaultRoot(platform: Platform, scratchFolder: string): Promise<string> {
  if (platform.arch === hostPlatform().arch) return "/";
  return downloadCLibrary(platform, scratchFolder);
}

/** The folders in which the loader looks without any configuration. */
function locate(root: string, name: string, { libraryFolder }: Platform): string {
  const folders = [`lib/${libraryFolder}`, `usr/lib/${libraryFolder}`, "lib64", "usr/lib64"];
  const path = folders
    .map((folder) => `${folder}/${name}`)
    .find((each) => existsSync(join(root, each)));
  if (path === undefined) throw new Error(`${name} was not found in ${root}`);
  return path;
}

function readLibrary(root: string, path: string): Uint8Array {
  try {
    return readFileSync(join(root, path));
  } catch {
    throw new Error(`${path} was not found in ${root}`);
  }
}

/** With its own package lists: nothing of this system's apt is changed. */
async function downloadCLibrary({ debianArch }: Platform, scratchFolder: string): Promise<string> {
  const folder = join(scratchFolder, "packages");
  const root = join(scratchFolder, "root");
  mkdirSync(join(folder, "state/lists/partial"), { recursive: true });
  mkdirSync(join(folder, "cache/archives/partial"), { recursive: true });
  mkdirSync(root, { recursive: true });
  const options = {
    "APT::Architecture": debianArch,
    "APT::Architectures": debianArch,
    "APT::Sandbox::User": "",
    "Dir::State": join(folder, "state"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": join(folder, "cache"),
  };
  const apt = [
    "apt-get",
    "--quiet=2",
    ...Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
  ];
  const hint = `libraries for ${debianArch} cannot be fetched here: give a root folder that has them with --system-root`;
  await run([...apt, "update"], folder, hint);
  await run([...apt, "download", cLibraryPackage], folder, hint);
  const archive = readdirSync(folder).find((name) => name.endsWith(".deb"));
  if (archive === undefined) throw new Error(hint);
  await run(["dpkg-deb", "--extract", join(folder, archive), root], folder, hint);
  return root;
}

async function run(command: string[], cwd: string, hint: string): Promise<void> {
  if (Bun.which(command[0]!) === null) throw new Error(hint);
  const child = Bun.spawn(command, { cwd, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [errors, code] = await Promise.all([child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`${hint}\n${errors.trim()}`);
}
