/** The text of THIRD_PARTY_LICENSES: what is compiled into the executable, and under which terms. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bunDependency, type Dependency, runtimeDependencies } from "./dependencies.ts";

const rule = "-".repeat(78);
const licenseFile = /^(licen[cs]e|notice|copying|copyright)/i;

export function thirdPartyLicenses(): string {
  const { version } = bunDependency();
  const bun = readFileSync(join(import.meta.dir, "bun-notice.txt"), "utf8");
  return [
    "kamal-proxy is one executable that contains the following software of others.\n",
    `${rule}\nBun ${version}\n${rule}\n\n${bun}`,
    ...runtimeDependencies().map(section),
  ].join("\n");
}

/** With the notice of the C library, which the container image carries as shared libraries. */
export function imageLicenses(cLibraryNotice: string): string {
  const notice =
    cLibraryNotice === ""
      ? "GNU C Library, LGPL-2.1-or-later, as packaged by the distribution it was taken from.\n"
      : cLibraryNotice;
  return `${thirdPartyLicenses()}\n${rule}\nShared libraries in the image: GNU C Library\n${rule}\n\n${notice}`;
}

function section(dependency: Dependency): string {
  const { name, version, license, folder } = dependency;
  const texts = readdirSync(folder)
    .filter((file) => licenseFile.test(file))
    .toSorted()
    .map((file) => readFileSync(join(folder, file), "utf8").trim());
  const text = texts.length === 0 ? `License: ${license}` : texts.join("\n\n");
  return `${rule}\n${name} ${version} (${license})\n${rule}\n\n${text}\n`;
}
