/** The machines that images and releases are made for, by the names that each tool has for them. */

export interface Platform {
  /** As Bun and this project's options name it. */
  arch: "x64" | "arm64";
  /** As container images name it. */
  imageArch: "amd64" | "arm64";
  /** As Debian names it. */
  debianArch: "amd64" | "arm64";
  /** Folder name of its shared libraries in Debian and Ubuntu. */
  libraryFolder: string;
}

export const platforms: readonly Platform[] = [
  {
    arch: "x64",
    imageArch: "amd64",
    debianArch: "amd64",
    libraryFolder: "x86_64-linux-gnu",
  },
  {
    arch: "arm64",
    imageArch: "arm64",
    debianArch: "arm64",
    libraryFolder: "aarch64-linux-gnu",
  },
];

/** Container tools' names are understood as well. */
export function platformNamed(name: string): Platform {
  const found = platforms.find(({ arch, imageArch }) => arch === name || imageArch === name);
  if (found === undefined) throw new Error(`unknown machine "${name}": use x64 or arm64`);
  return found;
}

export function hostPlatform(): Platform {
  return platformNamed(process.arch);
}
