/** The files that the settings of a service name, whose content is handed to whoever serves. */
import { addressFileFault, listedFile } from "./address-entries.ts";
import type { ServiceOptions } from "./options.ts";

/** Content by path. */
export type SettingFiles = Readonly<Record<string, string>>;

export interface NamedFile {
  path: string;
  /** Why such content can't be meant. */
  fault(text: string): string | undefined;
}

export function namedFiles({ allowIps, denyIps, rateLimitExemptIps }: ServiceOptions): NamedFile[] {
  const files: NamedFile[] = [];
  for (const entry of [...allowIps, ...denyIps, ...rateLimitExemptIps]) {
    const path = listedFile(entry);
    if (path !== null) files.push({ path, fault: addressFileFault });
  }
  return files;
}
