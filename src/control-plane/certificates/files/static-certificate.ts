/** The certificate of one service from the files that a deploy named, read again when they change. */
import { stat } from "node:fs/promises";
import { maxCertificateFileBytes } from "../../../config/limits.ts";
import type { Logger } from "../../../lib/logger.ts";
import { readRegularFile } from "../../../lib/regular-file.ts";
import { messageWithCause } from "../../../lib/error-text.ts";
import { type KeyPair, readKeyPair } from "../key-pair.ts";

export interface CertificateFiles {
  certificatePath: string;
  privateKeyPath: string;
}

/** What the files are at a moment. */
export interface FilesVersion {
  fingerprint: string;
  /** The error: why they can't be served. */
  content: KeyPair | Error;
}

/** Throws with the reason and the file when the pair can't be served. */
async function loadKeyPair({
  certificatePath,
  privateKeyPath,
}: CertificateFiles): Promise<KeyPair> {
  const certificate = await readText(certificatePath);
  const privateKey = await readText(privateKeyPath);
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

/** Null when they are still what they were at `known`. */
export async function readVersion(
  files: CertificateFiles,
  known: string,
): Promise<FilesVersion | null> {
  // Taken before reading: a change while reading is seen the next time.
  const fingerprint = await fingerprintOf(files);
  if (fingerprint === known) return null;
  try {
    return { fingerprint, content: await loadKeyPair(files) };
  } catch (error) {
    return { fingerprint, content: error as Error };
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

  /** Reads the files if they changed; true when there is a new certificate. */
  async refresh(): Promise<boolean> {
    const version = await readVersion(this.files, this.#fingerprint);
    return version !== null && this.take(version);
  }

  /**
   * The files are this now; true when there is a new certificate. What can't be used leaves the last good one
   * in place.
   */
  take({ fingerprint, content }: FilesVersion): boolean {
    if (fingerprint === this.#fingerprint) return false;
    const isFirst = this.#fingerprint === "";
    this.#fingerprint = fingerprint;
    const fields = { service: this.#service, path: this.files.certificatePath };
    if (content instanceof Error) {
      this.#error = messageWithCause(content);
      this.#logger.error("Error loading TLS certificate", { ...fields, error: this.#error });
      return false;
    }
    this.#error = null;
    if (isSamePair(content, this.#keyPair)) return false;
    this.#keyPair = content;
    if (!isFirst) {
      const expires = new Date(content.notAfterMs).toISOString();
      this.#logger.info("Reloaded TLS certificate", { ...fields, expires });
    }
    return true;
  }
}

function isSamePair(a: KeyPair, b: KeyPair | null): boolean {
  return a.pair.certificate === b?.pair.certificate && a.pair.privateKey === b.pair.privateKey;
}

/** Follows symbolic links, which is how mounted secrets are replaced. */
async function fingerprintOf({
  certificatePath,
  privateKeyPath,
}: CertificateFiles): Promise<string> {
  return `${await stateOf(certificatePath)} ${await stateOf(privateKeyPath)}`;
}

async function stateOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch (error) {
    return messageWithCause(error);
  }
}

async function readText(path: string): Promise<string> {
  try {
    return (await readRegularFile(path, maxCertificateFileBytes)).toString();
  } catch (error) {
    // The system's text names the file, but for a folder.
    const reason = messageWithCause(error);
    throw new Error(reason.includes(path) ? reason : `${path}: ${reason}`, { cause: error });
  }
}
