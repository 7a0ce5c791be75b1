/** Pushes to the data plane what has changed in the certificates that handshakes are answered with. */
import { createHash } from "node:crypto";
import {
  type CertificateChange,
  certificateChange,
  noCertificates,
  type ServedCertificates,
} from "../../seam/certificates.ts";
import type { CertificateKeyPair } from "../../seam/handshake-certificates.ts";

export interface CertificateFeedOptions {
  served(): ServedCertificates;
  /** Resolves when handshakes are answered with it. */
  send(change: CertificateChange): Promise<void>;
}

export class CertificateFeed {
  readonly #options: CertificateFeedOptions;
  #sent: ServedCertificates = noCertificates;
  #arrived: Promise<void> = Promise.resolve();

  constructor(options: CertificateFeedOptions) {
    this.#options = options;
  }

  /** Resolves when what is known now has arrived everywhere. */
  push(): Promise<void> {
    const served = this.#options.served();
    const change = certificateChange(this.#sent, served, idOf);
    this.#sent = served;
    if (change !== null) {
      const arrived = this.#options.send(change);
      this.#arrived = this.#arrived.then(() => arrived);
    }
    return this.#arrived;
  }

  /** Everything that was pushed so far, for one that begins. */
  whole(): CertificateChange | null {
    return certificateChange(noCertificates, this.#sent, idOf);
  }
}

const ids = new WeakMap<CertificateKeyPair, string>();

/** Stands for the content, so that it means the same in every process. */
function idOf(pair: CertificateKeyPair): string {
  let id = ids.get(pair);
  if (id === undefined) {
    const hash = createHash("sha256");
    for (const part of pair.rsa === undefined ? [pair] : [pair, pair.rsa]) {
      hash.update(part.certificate).update(part.privateKey);
    }
    id = hash.digest("base64url");
    ids.set(pair, id);
  }
  return id;
}
