/** The text of THIRD_PARTY_LICENSES: what is compiled into the executable, and under which terms. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bunDependency, type Dependency, runtimeDependencies } from "./dependencies.ts";

const rule = "-".repeat(78);
/** Some packages state their license at the end of the README only. */
const readmeFile = /^readme/i;
const readmeSection = /^#* *licen[cs]e *\n(?:[-=]+\n)?([^]*)$/im;
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
  const files = readdirSync(folder).toSorted();
  const read = (file: string) => readFileSync(join(folder, file), "utf8");
  const texts = files.filter((file) => licenseFile.test(file)).map(read);
  if (texts.length === 0) {
    const readmes = files.filter((file) => readmeFile.test(file)).map(read);
    texts.push(...readmes.map((text) => readmeSection.exec(text)?.[1] ?? ""));
  }
  const text = texts.map((each) => each.trim()).join("\n\n") || `License: ${license}`;
  return `${rule}\n${name} ${version} (${license})\n${rule}\n\n${text}\n`;
}
