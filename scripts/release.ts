/**
 * `bun run release`: everything that a release consists of, in dist/release: executables, licenses,
 * bill of materials, container images, the script of upgrades, and the checksums of them all. Repeated, it gives the same bytes.
 */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { buildExecutable, type CLibrary } from "./image/build-executable.ts";
import { type Platform, platformNamed, platforms } from "./image/platform.ts";
import { imageTag } from "./image/proxy-image.ts";
import { bunPath, projectFolder, runTool } from "./project.ts";
import { sbom } from "./release/sbom.ts";
import { thirdPartyLicenses } from "./release/third-party-licenses.ts";

const usage = `Usage: bun run release -- [options]

  --arch=x64|arm64  only for this machine; repeated: for these (default: both)
  --no-images       without container images
`;
const cLibraries: readonly CLibrary[] = ["glibc", "musl"];
const checksumFile = "SHA256SUMS";
/** Upgrades a running container in place. */
const upgradeScript = "upgrade-container.sh";
const folder = join(projectFolder, "dist", "release");

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arch: { type: "string", multiple: true },
      "no-images": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const chosen = values.arch?.map(platformNamed) ?? platforms;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const platform of chosen) {
    for (const cLibrary of cLibraries) await writeExecutable(platform, cLibrary);
  }
  if (!values["no-images"]) await writeImages(chosen);
  copyFileSync(
    join(projectFolder, "scripts", "release", upgradeScript),
    join(folder, upgradeScript),
  );
  writeFileSync(join(folder, "THIRD_PARTY_LICENSES"), thirdPartyLicenses());
  writeFileSync(join(folder, "sbom.cdx.json"), `${JSON.stringify(sbom(manifest), null, 2)}\n`);
  writeChecksums();
}

/** Named as users pick them: kamal-proxy-v1.2.3-linux-x64, with -musl for Alpine. */
async function writeExecutable(platform: Platform, cLibrary: CLibrary): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "kamal-proxy-release-"));
  try {
    const content = await buildExecutable(platform, cLibrary, scratch);
    const suffix = cLibrary === "musl" ? "-musl" : "";
    const path = join(folder, `kamal-proxy-${imageTag}-linux-${platform.arch}${suffix}`);
    writeFileSync(path, content);
    chmodSync(path, 0o755);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** An image for each machine, for `docker load`. */
async function writeImages(chosen: readonly Platform[]): Promise<void> {
  for (const { arch, imageArch } of chosen) {
    const name = `kamal-proxy-${imageTag}-linux-${imageArch}-image.tar`;
    const unfinished = join(folder, `.${name}`);
    const command = [bunPath, "scripts/image.ts", `--arch=${arch}`, `--outfile=${unfinished}`];
    if ((await runTool(command)) !== 0) throw new Error(`the image for ${imageArch} failed`);
    renameSync(unfinished, join(folder, name));
  }
}

/** In the format of `sha256sum --check`. */
function writeChecksums(): void {
  const lines = readdirSync(folder)
    .toSorted()
    .map((name) => {
      const digest = new Bun.CryptoHasher("sha256").update(readFileSync(join(folder, name)));
      return `${digest.digest("hex")}  ${name}\n`;
    });
  writeFileSync(join(folder, checksumFile), lines.join(""));
  console.log(lines.join("").trimEnd());
}

await main();
