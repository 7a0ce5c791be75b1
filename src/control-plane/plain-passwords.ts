/** Plain passwords in settings that do not come from a deploy's flags: nobody saves or logs them before they are hashed. */
import { hashOfPassword, verifyPassword } from "../access/system-passwords.ts";
import { accessSettings } from "../config/access-settings.ts";
import { plainCredential, splitCredential } from "../config/credentials.ts";
import type { NamedValues } from "../config/setting-layers.ts";
import { goQuote } from "../go/quote.ts";
import type { Warnings } from "./socket/protocol.ts";

const { flag } = accessSettings.basicAuth;

/** For the warnings. */
export const inSettingsFile = "in a file of settings";

/** `before`: what was made of them last; a hash of the same password stays. `place`: where they stand, for the warnings. */
export async function withHashedPasswords(
  values: NamedValues,
  before: NamedValues,
  place: string,
): Promise<{ values: NamedValues; warnings: Warnings }> {
  const entries = (values[flag] ?? []) as readonly string[];
  if (!entries.some((entry) => plainCredential(entry) !== null)) return { values, warnings: [] };
  const known = (before[flag] ?? []) as readonly string[];
  const hashed: string[] = [];
  const warnings: string[] = [];
  for (const entry of entries) {
    const plain = plainCredential(entry);
    if (plain === null) {
      hashed.push(entry);
      continue;
    }
    const { user, secret } = plain;
    hashed.push(
      `${user}:${(await sameHash(user, secret, known)) ?? (await hashOfPassword(secret))}`,
    );
    warnings.push(
      `the password of ${goQuote(user)} stands in plain ${place}; ` +
        "give a hash of it, as `kamal-proxy hash-password` prints it",
    );
  }
  return { values: { ...values, [flag]: hashed }, warnings };
}

async function sameHash(
  user: string,
  password: string,
  entries: readonly string[],
): Promise<string | null> {
  for (const entry of entries) {
    const known = splitCredential(entry);
    if (known?.user !== user) continue;
    if (await verifyPassword(Buffer.from(password), known.secret)) return known.secret;
  }
  return null;
}
