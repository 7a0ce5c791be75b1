/** The certificate of one service from the files that a deploy named, read again when they change. */
import { statSync } from "node:fs";
import { maxCertificateFileBytes } from "../../../config/defaults.ts";
import type { Logger } from "../../../lib/logger.ts";
import { readRegularFileSync } from "../../../lib/regular-file.ts";
import { messageWithCause } from "../../../lib/error-text.ts";
import { type KeyPair, readKeyPair } from "../key-pair.ts";

export interface CertificateFiles {
  certificatePath: string;
  privateKeyPath: string;
}

/** Throws with the reason and the file when the pair can't be served. */
export function loadKeyPair({ certificatePath, privateKeyPath }: CertificateFiles): KeyPair {
  const certificate = readText(certificatePath);
  const privateKey = readText(privateKeyPath);
  try {
    return readKeyPair(certificate, privateKey);
  } catch (error) {
    const paths =
      certificatePath === privateKeyPath
        ? certificatePath
        : `${certificatePath}, ${privateKeyPath}`;
    throw new Error(`${paths}: ${messageWithCause(error)}`, { cause: error });
  }
}

export class StaticCertificate {
  readonly files: CertificateFiles;
  readonly #logger: Logger;
  readonly #service: string;
  #fingerprint = "";
  #keyPair: KeyPair | null = null;
  #error: string | null = null;

  constructor(service: string, files: CertificateFiles, logger: Logger) {
    this.#service = service;
    this.files = files;
    this.#logger = logger;
  }

  /** Null when the files could never be read. */
  get keyPair(): KeyPair | null {
    return this.#keyPair;
  }

  /** Why the files can't be used as they are now. */
  get error(): string | null {
    return this.#error;
  }

  /**
   * Reads the files if they changed; true when there is a new certificate. What can't be used
   * leaves the last good one in place. Synchronous, so that a service is never without its
   * certificate between its publication and the reading of a file.
   */
  refresh(): boolean {
    // Taken before reading: a change while reading is seen the next time.
    const fingerprint = this.#currentFingerprint();
    if (fingerprint === this.#fingerprint) return false;
    const isFirst = this.#fingerprint === "";
    this.#fingerprint = fingerprint;
    const fields = { service: this.#service, path: this.files.certificatePath };
    try {
      const next = loadKeyPair(this.files);
      this.#error = null;
      if (isSamePair(next, this.#keyPair)) return false;
      this.#keyPair = next;
      if (!isFirst) {
        const expires = new Date(next.notAfterMs).toISOString();
        this.#logger.info("Reloaded TLS certificate", { ...fields, expires });
      }
      return true;
    } catch (error) {
      this.#error = messageWithCause(error);
      this.#logger.error("Error loading TLS certificate", { ...fields, error: this.#error });
      return false;
    }
  }

  /** Follows symbolic links, which is how mounted secrets are replaced. */
  #currentFingerprint(): string {
    return [this.files.certificatePath, this.files.privateKeyPath].map(fingerprintOf).join(" ");
  }
}

function isSamePair(a: KeyPair, b: KeyPair | null): boolean {
  return a.pair.certificate === b?.pair.certificate && a.pair.privateKey === b.pair.privateKey;
}

function fingerprintOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch (error) {
    return messageWithCause(error);
  }
}

function readText(path: string): string {
  try {
    return readRegularFileSync(path, maxCertificateFileBytes).toString();
  } catch (error) {
    // The system's text names the file, but for a folder.
    const reason = messageWithCause(error);
    throw new Error(reason.includes(path) ? reason : `${path}: ${reason}`, { cause: error });
  }
}
