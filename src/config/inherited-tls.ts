/** TLS is a matter of the host: a service below a path has that of the service at the host's root. */
import type { ServiceOptions } from "./options.ts";

export type TlsPolicy = Pick<ServiceOptions, "tlsEnabled" | "tlsRedirect">;

export const rootPath = "/";

interface Routed {
  readonly pathPrefixes: readonly string[];
}

export function servesRoot({ pathPrefixes }: Routed): boolean {
  return pathPrefixes.includes(rootPath);
}

/** `root`: the options of the service at the root; undefined: there is none. */
export function inheritedTls(root: TlsPolicy | undefined): TlsPolicy {
  return { tlsEnabled: root?.tlsEnabled ?? false, tlsRedirect: root?.tlsRedirect ?? true };
}
