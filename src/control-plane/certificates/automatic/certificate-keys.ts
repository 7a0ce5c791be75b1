/** The private keys of certificates that are ordered. */
import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import type { KeyPair, KeyType } from "../key-pair.ts";

/** Of certificates that are ordered: all clients of today take ECDSA, some old ones RSA alone. */
export type OrderedKeyType = Exclude<KeyType, "other">;

const rsaBits = 2_048;
const generate = promisify(generateKeyPair);

/** kamal-proxy expects keys of that kind where the renewed certificate is saved. PEM, PKCS#8. */
export async function keyForOrder(current: KeyPair | null, type: OrderedKeyType): Promise<string> {
  if (current?.keyType === type) return current.pair.privateKey;
  // Beside the event loop: an RSA key takes a tenth of a second.
  const { privateKey } =
    type === "rsa"
      ? await generate("rsa", { modulusLength: rsaBits })
      : await generate("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
