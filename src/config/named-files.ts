/** The files that the settings of a service name, whose content is handed to whoever serves. */
import { clientAuthoritiesFault } from "./client-authorities.ts";
import { credentialFileFault } from "./credentials.ts";
import { addressFileFault, listedFile } from "./address-entries.ts";
import type { ServiceOptions } from "./options.ts";

/** Content by path. */
export type FileContents = Readonly<Record<string, string>>;

export interface NamedFile {
  path: string;
  /** Why such content can't be meant. */
  fault(text: string): string | undefined;
}

export function namedFiles(options: ServiceOptions): NamedFile[] {
  const { allowIps, denyIps, rateLimitExemptIps, basicAuthFile, tlsClientCaPath } = options;
  const files: NamedFile[] = [];
  for (const entry of [...allowIps, ...denyIps, ...rateLimitExemptIps]) {
    const path = listedFile(entry);
    if (path !== null) files.push({ path, fault: addressFileFault });
  }
  if (basicAuthFile !== "") files.push({ path: basicAuthFile, fault: credentialFileFault });
  if (tlsClientCaPath !== "") files.push({ path: tlsClientCaPath, fault: clientAuthoritiesFault });
  return files;
}
