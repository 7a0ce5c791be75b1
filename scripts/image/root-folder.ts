/** What the root folder of the image holds: the executable and the little that it needs to run. */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import type { Libraries } from "./libraries.ts";
import type { TarEntry } from "./tar-archive.ts";

/** As in kamal-proxy's own image, so that an existing volume keeps its owner. */
export const user = { name: "kamal-proxy", uid: 1001, gid: 1001, home: "/home/kamal-proxy" };

export interface RootParts {
  executable: Uint8Array;
  libraries: Libraries;
  license: string;
  thirdPartyLicenses: string;
}

const passwd = `root:x:0:0:root:/:/sbin/nologin
${user.name}:x:${user.uid}:${user.gid}::${user.home}:/sbin/nologin
`;
const group = `root:x:0:
${user.name}:x:${user.gid}:
`;
/** Names in /etc/hosts first: this is how containers are linked by hand. */
const nameService = "passwd: files\ngroup: files\nhosts: files dns\n";

/** What changes seldom, and the executable, which changes with each version: a layer each. */
export function rootLayers(parts: RootParts): { system: TarEntry[]; program: TarEntry[] } {
  const { name, home } = user;
  const system = [
    file("etc/passwd", passwd),
    file("etc/group", group),
    file("etc/nsswitch.conf", nameService),
    // Bun trusts its own copy; tools and libraries that look for the usual file find the same.
    file("etc/ssl/certs/ca-certificates.crt", `${rootCertificates.join("\n")}\n`),
    ...parts.libraries.files.map(({ path, content }) => file(path, content, 0o755)),
    folder("tmp", 0o1777),
    owned(folder(home.slice(1))),
    owned(folder(`${home.slice(1)}/.config`)),
    // A new volume takes owner and mode from here; private keys will be in it.
    owned(folder(`${home.slice(1)}/.config/${name}`, 0o700)),
  ];
  const program = [
    file(`usr/local/bin/${name}`, parts.executable, 0o755),
    file(`usr/share/licenses/${name}/LICENSE`, parts.license),
    file(`usr/share/licenses/${name}/THIRD_PARTY_LICENSES`, parts.thirdPartyLicenses),
  ];
  return { system: withParents(system), program: withParents(program) };
}

/** Writes the entries below a folder, for a build by Dockerfile. Owners need root. */
export function writeRootFolder(folderPath: string, entries: readonly TarEntry[]): void {
  for (const { path, type, mode, uid, gid, content } of entries) {
    const target = join(folderPath, path);
    if (type === "folder") mkdirSync(target, { recursive: true });
    else writeFileSync(target, content);
    if (process.getuid?.() === 0) chownSync(target, uid, gid);
    chmodSync(target, mode);
  }
}

function file(path: string, content: string | Uint8Array, mode = 0o644): TarEntry {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return { path, type: "file", mode, uid: 0, gid: 0, content: bytes };
}

function folder(path: string, mode = 0o755): TarEntry {
  return { path, type: "folder", mode, uid: 0, gid: 0, content: new Uint8Array() };
}

function owned(entry: TarEntry): TarEntry {
  return { ...entry, uid: user.uid, gid: user.gid };
}

/** Adds the folders on the way, and sorts so that each stands before what is in it. */
function withParents(entries: readonly TarEntry[]): TarEntry[] {
  const all = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries) {
    for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) {
      if (!all.has(parent)) all.set(parent, folder(parent));
    }
  }
  return [...all.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
