/**
 * `bun run image`: the container image as an archive for `docker load` and registry tools, made
 * without a container engine. The same source and libraries give the same bytes.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createdAt } from "./created-at.ts";
import { type CompressionLevel, ociArchive } from "./image/oci-archive.ts";
import { hostPlatform, platformNamed } from "./image/platform.ts";
import { imageTag, proxyImage } from "./image/proxy-image.ts";
import { writeRootFolder } from "./image/root-folder.ts";
import { projectFolder } from "./project.ts";

const defaultName = `kamal-proxy:${imageTag}`;

const usage = `Usage: bun run image -- [options]

  --arch=x64|arm64      machine of the image; repeated: one archive with an image for each,
                        for registries only (default: this machine)
  --tag=NAME:VERSION    name of the image (default ${defaultName})
  --outfile=FILE        the archive (default dist/image/kamal-proxy-${imageTag}-linux-….tar)
  --root-folder=FOLDER  writes the root folder of the image there instead of an archive
  --executable=FILE     takes this executable instead of compiling one
  --system-root=FOLDER  takes the shared libraries from this folder (default: this machine, or
                        Debian's packages for the other machine)
  --level=1…12          compression, 12 is slow (default 9)
`;

/** A colon may also stand before the port of a registry. */
const namePattern = /^.+:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arch: { type: "string", multiple: true },
      tag: { type: "string", default: defaultName },
      outfile: { type: "string" },
      "root-folder": { type: "string" },
      executable: { type: "string" },
      "system-root": { type: "string" },
      level: { type: "string", default: "9" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  if (!namePattern.test(values.tag)) throw new Error("--tag must be NAME:VERSION");
  const platforms = (values.arch ?? [hostPlatform().arch]).map(platformNamed);
  const scratchFolder = await mkdtemp(join(tmpdir(), "kamal-proxy-image-"));
  try {
    const images = [];
    for (const platform of platforms) {
      images.push(
        await proxyImage(platform, {
          executable: values.executable,
          systemRoot: values["system-root"],
          scratchFolder,
        }),
      );
    }
    const rootFolder = values["root-folder"];
    if (rootFolder !== undefined) {
      if (images.length > 1) throw new Error("--root-folder is for one machine");
      for (const layer of images[0]!.layers) writeRootFolder(rootFolder, layer);
      return;
    }
    const archive = ociArchive(images, {
      reference: values.tag,
      createdAt: createdAt(),
      compressionLevel: compressionLevel(values.level),
    });
    const architectures = platforms.map(({ imageArch }) => imageArch).join("-");
    const outfile = resolve(
      projectFolder,
      values.outfile ?? join("dist", "image", `kamal-proxy-${imageTag}-linux-${architectures}.tar`),
    );
    mkdirSync(dirname(outfile), { recursive: true });
    writeFileSync(outfile, archive);
    const unpacked = images
      .flatMap(({ layers }) => layers.flat())
      .reduce((bytes, { content }) => bytes + content.length, 0);
    console.log(
      `${relative(projectFolder, outfile)}: ${values.tag} for ${architectures}, ` +
        `${megabytes(archive.length)} MB (${megabytes(unpacked)} MB unpacked)`,
    );
  } finally {
    rmSync(scratchFolder, { recursive: true, force: true });
  }
}

function compressionLevel(text: string): CompressionLevel {
  const level = Number(text);
  if (!Number.isInteger(level) || level < 1 || level > 12) {
    throw new Error("--level must be between 1 and 12");
  }
  return level as CompressionLevel;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

await main();
