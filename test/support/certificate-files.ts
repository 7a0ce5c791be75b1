/** Certificates of a test as files, and the flags of `deploy` that name them. */
import { writeFileSync } from "node:fs";
import type { TestCertificate } from "./certificates.ts";

/** Writes `path.pem` (the leaf and its chain) and `path.key`; gives back the flags that turn TLS on with them. */
export function saveCertificate(
  path: string,
  leaf: Pick<TestCertificate, "certificate" | "privateKey">,
  chain: readonly TestCertificate[] = [],
): string[] {
  const certificates = [leaf, ...chain].map(({ certificate }) => certificate);
  writeFileSync(`${path}.key`, leaf.privateKey);
  writeFileSync(`${path}.pem`, certificates.join(""));
  return certificateFlags(`${path}.pem`, `${path}.key`);
}

export function certificateFlags(certificatePath: string, privateKeyPath: string): string[] {
  return [
    "--tls",
    `--tls-certificate-path=${certificatePath}`,
    `--tls-private-key-path=${privateKeyPath}`,
  ];
}
