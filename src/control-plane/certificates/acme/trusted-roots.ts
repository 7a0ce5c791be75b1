/** The roots that servers are trusted by: the well-known ones and bundles of the environment. */
import { rootCertificates } from "node:tls";
import { maxTrustedRootsBytes } from "../../../config/limits.ts";
import { readRegularFile } from "../../../lib/regular-file.ts";

/** Read each time, so that a replaced bundle counts at once. Null: the well-known ones alone. */
export async function readTrustedRoots(caFiles: readonly string[]): Promise<string[] | null> {
  if (caFiles.length === 0) return null;
  const bundles = await Promise.all(
    caFiles.map((path) => readRegularFile(path, maxTrustedRootsBytes)),
  );
  return [...rootCertificates, ...bundles.map(String)];
}
