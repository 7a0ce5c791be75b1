/**
 * Certificates and the account key of one directory, on disk where and as kamal-proxy keeps them
 * (Go's autocert), so that a volume can go from one to the other and back.
 */
import { createHash, createPrivateKey } from "node:crypto";
import { access, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "../../../lib/atomic-file.ts";
import { type KeyPair, readKeyPair } from "../key-pair.ts";

const accountKeyName = "acme_account+key";
/** Name of the same before 2018. */
const oldAccountKeyName = "acme_account.key";
const rsaSuffix = "+rsa";

/** The empty URL stands for the default directory. */
export function cacheFolder(cachePath: string, directoryUrl: string): string {
  return join(cachePath, createHash("sha256").update(directoryUrl).digest("hex"));
}

export class DiskCache {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Whether anything was ever saved for the name. */
  async has(name: string): Promise<boolean> {
    const found = await Promise.allSettled(
      [name, name + rsaSuffix].map((file) => access(join(this.folder, file))),
    );
    return found.some(({ status }) => status === "fulfilled");
  }

  /** Null when there is none that fits the name; dates are left to the caller. */
  async readCertificate(name: string): Promise<KeyPair | null> {
    return (await this.#readPair(name, name)) ?? (await this.#readPair(name + rsaSuffix, name));
  }

  async writeCertificate(name: string, { pair }: KeyPair): Promise<void> {
    await this.#write(name, traditionalKey(pair.privateKey) + pair.certificate);
  }

  /** Null when there is none that can be used. */
  async readAccountKey(): Promise<string | null> {
    for (const file of [accountKeyName, oldAccountKeyName]) {
      try {
        const text = await readFile(join(this.folder, file), "utf8");
        return createPrivateKey(text).export({ type: "pkcs8", format: "pem" }).toString();
      } catch {
        // Missing or damaged: the same to the caller.
      }
    }
    return null;
  }

  async writeAccountKey(key: string): Promise<void> {
    await this.#write(accountKeyName, traditionalKey(key));
  }

  async #readPair(file: string, name: string): Promise<KeyPair | null> {
    try {
      const text = await readFile(join(this.folder, file), "utf8");
      const keyPair = readKeyPair(text, text);
      return keyPair.covers(name) ? keyPair : null;
    } catch {
      return null;
    }
  }

  async #write(file: string, text: string): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await writeFileAtomically(join(this.folder, file), text, { mode: 0o600 });
  }
}

/** `EC PRIVATE KEY` or `RSA PRIVATE KEY`, the forms that autocert writes. */
function traditionalKey(pem: string): string {
  const key = createPrivateKey(pem);
  const type = key.asymmetricKeyType === "rsa" ? "pkcs1" : "sec1";
  return key.export({ type, format: "pem" }).toString();
}
