/** How the proxy talks to certificate authorities, as the environment of `run` says. */
import { CommandError } from "./command-error.ts";
import { readVariables } from "./environment.ts";
import type { Environment } from "./paths.ts";
import { authoritySettings } from "./run-settings.ts";

export interface AcmeSettings {
  /** In place of the production directory; empty: the default. */
  directory: string;
  /** Contact of the account; empty: none. */
  email: string;
  externalAccount: ExternalAccount | null;
  /** PEM bundles that are trusted in addition to the well-known authorities. */
  caFiles: string[];
  /** Null: names are validated by HTTP-01 and TLS-ALPN-01 alone. */
  dns: AcmeDnsSettings | null;
}

export interface AcmeDnsSettings {
  /** A provider for all zones, or `zone=provider` with commas. */
  zones: string;
  /** Asked for a challenge's record in place of the name servers of its zone. */
  resolvers: readonly string[];
  /** Where the providers' credentials are. */
  environment: Environment;
}

/** Binds the ACME account to one that exists at the authority (RFC 8555 7.3.4). */
export interface ExternalAccount {
  keyId: string;
  /** In base64url. */
  hmacKey: string;
}

/** Throws a CommandError when a setting makes no sense. */
export function readAcmeSettings(environment: Environment): AcmeSettings {
  const read = readVariables(authoritySettings, environment);
  const caFiles = [read.caFile, environment["SSL_CERT_FILE"]?.trim() ?? ""];
  return {
    directory: read.directory,
    email: read.email.replace(/^mailto:/i, ""),
    externalAccount: externalAccount(read.keyId, read.hmacKey),
    caFiles: caFiles.filter((path) => path !== ""),
    dns: read.dns === "" ? null : { zones: read.dns, resolvers: read.dnsResolvers, environment },
  };
}

function externalAccount(keyId: string, hmacKey: string): ExternalAccount | null {
  if (keyId === "" && hmacKey === "") return null;
  if (keyId === "" || hmacKey === "") {
    throw new CommandError(
      "KAMAL_PROXY_ACME_EAB_KID and KAMAL_PROXY_ACME_EAB_HMAC_KEY must be set together",
    );
  }
  if (!/^[A-Za-z0-9_\-+/]+=*$/.test(hmacKey)) {
    throw new CommandError("KAMAL_PROXY_ACME_EAB_HMAC_KEY must be in base64url");
  }
  return { keyId, hmacKey };
}
