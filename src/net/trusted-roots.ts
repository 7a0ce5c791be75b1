/** The authorities that servers are trusted by: the well-known ones, and those in the file that SSL_CERT_FILE names. */
import { rootCertificates } from "node:tls";
import { maxTrustedRootsBytes } from "../config/limits.ts";
import { readRegularFileSync } from "../lib/regular-file.ts";

let roots: string[] | null | undefined;

/** Read once, for the first connection that needs it; null: the well-known ones alone. Throws when it can't be read. */
export function trustedRoots(): string[] | null {
  if (roots === undefined) {
    const path = process.env["SSL_CERT_FILE"]?.trim() ?? "";
    roots =
      path === ""
        ? null
        : [...rootCertificates, readRegularFileSync(path, maxTrustedRootsBytes).toString()];
  }
  return roots;
}
