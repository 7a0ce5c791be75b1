/** How the proxy talks to certificate authorities, as the environment of `run` says. */
import { CommandError } from "./command-error.ts";
import { acmeProductionDirectory } from "./defaults.ts";
import { readVariables } from "./environment.ts";
import type { Environment } from "./paths.ts";
import { authoritySettings } from "./run-settings.ts";

export interface AcmeSettings {
  /** In place of the production directory; empty: the default. */
  directory: string;
  /** Contact of the account; empty: none. */
  email: string;
  /** In the order in which they are asked; at least one. */
  authorities: AuthoritySettings[];
  /** Kind of certificate that the authority is asked for; empty: its default. */
  profile: string;
  /** PEM bundles that are trusted in addition to the well-known authorities. */
  caFiles: string[];
  /** Null: nobody looks whether an authority could reach this proxy. */
  preflight: PreflightSettings | null;
  /** Null: names are validated by HTTP-01 and TLS-ALPN-01 alone. */
  dns: AcmeDnsSettings | null;
}

export interface PreflightSettings {
  /** Where authorities come for HTTP-01. */
  port: number;
  /** Asked for addresses in place of the machine's own name servers. */
  resolvers: readonly string[];
}

export interface AuthoritySettings {
  /** Of the account and the certificates; empty: the default directory. */
  key: string;
  url: string;
  externalAccount: ExternalAccount | null;
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

/** RFC 8555 8.3: authorities of the internet come to no other. */
const httpPort = 80;

/** Throws a CommandError when a setting makes no sense. */
export function readAcmeSettings(environment: Environment): AcmeSettings {
  const read = readVariables(authoritySettings, environment);
  refuseStrayAccounts(directoriesOf(read.directory).length, environment);
  const caFiles = [read.caFile, environment["SSL_CERT_FILE"]?.trim() ?? ""];
  return {
    directory: directoriesOf(read.directory)[0]!,
    email: read.email.replace(/^mailto:/i, ""),
    authorities: authorities(read.directory, environment),
    profile: read.profile,
    caFiles: caFiles.filter((path) => path !== ""),
    preflight:
      read.preflight === "off"
        ? null
        : {
            port: read.preflight === "on" ? httpPort : Number(read.preflight),
            resolvers: read.dnsResolvers,
          },
    dns: read.dns === "" ? null : { zones: read.dns, resolvers: read.dnsResolvers, environment },
  };
}

function directoriesOf(list: string): string[] {
  return list.split(",").map((url) => url.trim());
}

/** The account of the second directory is in the variables with `_2` behind their names, and so on. */
function authorities(list: string, environment: Environment): AuthoritySettings[] {
  return directoriesOf(list).map((key, index) => ({
    key,
    url: key || acmeProductionDirectory,
    externalAccount: externalAccount(index === 0 ? "" : `_${index + 1}`, environment),
  }));
}

/** An account for which there is no directory was meant for one. */
function refuseStrayAccounts(directories: number, environment: Environment): void {
  for (const variable of Object.keys(environment)) {
    const number = /^KAMAL_PROXY_ACME_EAB_(?:KID|HMAC_KEY)_(\d+)$/.exec(variable)?.[1];
    if (number === undefined || (+number >= 2 && +number <= directories)) continue;
    throw new CommandError(
      +number < 2
        ? `${variable} is set: the variables of the first directory have no number`
        : `${variable} is set, but KAMAL_PROXY_ACME_DIRECTORY names ${directories} of them`,
    );
  }
}

function externalAccount(suffix: string, environment: Environment): ExternalAccount | null {
  const read = (name: string): string => environment[name + suffix]?.trim() ?? "";
  const keyId = read("KAMAL_PROXY_ACME_EAB_KID");
  const hmacKey = read("KAMAL_PROXY_ACME_EAB_HMAC_KEY");
  if (keyId === "" && hmacKey === "") return null;
  if (keyId === "" || hmacKey === "") {
    throw new CommandError(
      `KAMAL_PROXY_ACME_EAB_KID${suffix} and KAMAL_PROXY_ACME_EAB_HMAC_KEY${suffix} must be set together`,
    );
  }
  if (!/^[A-Za-z0-9_\-+/]+=*$/.test(hmacKey)) {
    throw new CommandError(`KAMAL_PROXY_ACME_EAB_HMAC_KEY${suffix} must be in base64url`);
  }
  return { keyId, hmacKey };
}
