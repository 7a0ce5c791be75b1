/** The private keys of certificates that are ordered. */
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import type { KeyPair } from "../key-pair.ts";

/** kamal-proxy expects EC keys where the renewed certificate is saved. */
export function renewableKey(current: KeyPair | null): string | null {
  if (current === null) return null;
  const { privateKey } = current.pair;
  return createPrivateKey(privateKey).asymmetricKeyType === "ec" ? privateKey : null;
}

export function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
