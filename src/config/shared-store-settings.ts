/** Where several proxies keep their certificates together, as the environment of `run` says. */
import { CommandError } from "./command-error.ts";
import { readVariables } from "./environment.ts";
import type { Environment } from "./paths.ts";
import { certificateStoreSettings } from "./run-settings.ts";

export interface SharedStoreSettings {
  /** `redis://` or `rediss://`, with user, password and database. */
  url: string;
  /** 32 bytes that everything is encrypted by; null: it is kept in plain. */
  secret: Uint8Array | null;
  /** PEM of the authorities that the server is trusted by; empty: the well-known ones. */
  caFile: string;
  /** Before every key. */
  prefix: string;
}

/** Null: certificates are in folders of this machine. Throws a CommandError when a setting makes no sense. */
export function readSharedStoreSettings(environment: Environment): SharedStoreSettings | null {
  const read = readVariables(certificateStoreSettings, environment);
  const { storeUrl: url, storeKey: key } = read;
  if (url === "") {
    if (key === "") return null;
    throw new CommandError(
      "KAMAL_PROXY_CERTIFICATE_STORE_KEY is set, but KAMAL_PROXY_CERTIFICATE_STORE is not",
    );
  }
  if (key === "") {
    throw new CommandError(
      "KAMAL_PROXY_CERTIFICATE_STORE needs KAMAL_PROXY_CERTIFICATE_STORE_KEY: 32 bytes in base64 " +
        "(openssl rand -base64 32), the same for all proxies, or the word plain",
    );
  }
  return {
    url,
    secret: key === "plain" ? null : readSecret(key),
    caFile: read.storeCaFile,
    prefix: read.storePrefix,
  };
}

function readSecret(key: string): Uint8Array {
  const secret = Buffer.from(key, /^[0-9a-f]{64}$/i.test(key) ? "hex" : "base64");
  if (secret.length === 32) return secret;
  throw new CommandError(
    `KAMAL_PROXY_CERTIFICATE_STORE_KEY must be 32 bytes in base64 or hex; it has ${secret.length}`,
  );
}
