/** The proxy's container image: its root folder and its configuration. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { projectFolder } from "../project.ts";
import { imageLicenses } from "../release/third-party-licenses.ts";
import { buildExecutable } from "./build-executable.ts";
import { findLibraries } from "./libraries.ts";
import type { Image, ImageConfig } from "./oci-archive.ts";
import type { Platform } from "./platform.ts";
import { rootLayers, user } from "./root-folder.ts";

export interface ImageSources {
  /** The executable; undefined: it is compiled. */
  executable: string | undefined;
  /** Root folder that has the shared libraries; undefined: see `findLibraries`. */
  systemRoot: string | undefined;
  scratchFolder: string;
}

/** Kamal compares the tag with the oldest version that it supports, so it is a version. */
export const imageTag = `v${manifest.version}`;

export async function proxyImage(platform: Platform, sources: ImageSources): Promise<Image> {
  const folder = join(sources.scratchFolder, platform.arch);
  mkdirSync(folder, { recursive: true });
  const executable =
    sources.executable === undefined
      ? await buildExecutable(platform, "glibc", folder)
      : readFileSync(sources.executable);
  const libraries = await findLibraries(executable, platform, sources.systemRoot, folder);
  const { system, program } = rootLayers({
    executable,
    libraries,
    license: readFileSync(join(projectFolder, "LICENSE"), "utf8"),
    thirdPartyLicenses: imageLicenses(libraries.notice),
  });
  return { platform, layers: [system, program], config: imageConfig() };
}

/**
 * As kamal-proxy's own: no entry point, and a user who may bind ports 80 and 443 because Docker
 * lets every user of a container do so (net.ipv4.ip_unprivileged_port_start is 0 there).
 */
export function imageConfig(): ImageConfig {
  return {
    User: `${user.name}:${user.name}`,
    ExposedPorts: { "80/tcp": {}, "443/tcp": {}, "443/udp": {} },
    Env: [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      // Stays when the container is upgraded in place.
      `KAMAL_PROXY_IMAGE_VERSION=${manifest.version}`,
    ],
    Cmd: [user.name, "run"],
    WorkingDir: "/",
    Labels: {
      // `kamal proxy reboot` finds the old container and image by this label.
      "org.opencontainers.image.title": "kamal-proxy",
      "org.opencontainers.image.version": manifest.version,
      "org.opencontainers.image.description": manifest.description,
      "org.opencontainers.image.licenses": manifest.license,
    },
  };
}
