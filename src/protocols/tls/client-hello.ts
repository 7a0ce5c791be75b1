/** What the first message of a TLS client tells of the certificates that it takes (RFC 8446 4.1.2, RFC 5246 7.4.1.2). */

const handshakeRecord = 22;
const clientHello = 1;
const supportedGroups = 10;
const signatureAlgorithms = 13;
const supportedVersions = 43;
const tls13 = 0x0304;
const p256 = 23;
/** ecdsa_secp256r1_sha256: in TLS 1.3 a key on P-256 signs by no other (RFC 8446 4.2.3). */
const ecdsaP256 = 0x0403;
/** Before, the curve is no part of it (RFC 5246 7.4.1.4.1). */
const ecdsaAlgorithms: ReadonlySet<number> = new Set([ecdsaP256, 0x0503, 0x0603]);
/** Those with ECDHE_ECDSA that are served: of RFC 5289, RFC 7905, RFC 8422. */
const ecdsaSuites: ReadonlySet<number> = new Set([0xc02b, 0xc02c, 0xcca9, 0xc009, 0xc00a]);

/**
 * Whether the client takes a certificate with an ECDSA key on P-256. Null: the bytes do not tell, because they are no
 * ClientHello, or not the whole of one in a single record, or because it says nothing of signatures. Never throws.
 */
export function takesEcdsa(bytes: Uint8Array): boolean | null {
  const record = new Reader(bytes, 0, bytes.length);
  if (record.number(1) !== handshakeRecord) return null;
  record.skip(2);
  const message = record.vector(2);
  if (message.number(1) !== clientHello) return null;
  const hello = message.vector(3);
  // Version and random.
  hello.skip(34);
  hello.vector(1);
  const suites = hello.vector(2);
  hello.vector(1);
  const extensions = hello.vector(2);
  if (!extensions.isWhole) return null;
  let versions: Reader | null = null;
  let groups: Reader | null = null;
  let signatures: Reader | null = null;
  while (extensions.hasMore) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (type === supportedVersions) versions = body.vector(1);
    else if (type === supportedGroups) groups = body.vector(2);
    else if (type === signatureAlgorithms) signatures = body.vector(2);
  }
  if (!extensions.isWhole || signatures === null) return null;
  if (versions?.has((version) => version === tls13)) {
    return signatures.has((algorithm) => algorithm === ecdsaP256);
  }
  return (
    suites.has((suite) => ecdsaSuites.has(suite)) &&
    (groups === null || groups.has((group) => group === p256)) &&
    signatures.has((algorithm) => ecdsaAlgorithms.has(algorithm))
  );
}

/** Behind its end everything is zero and empty, and it is not whole. */
class Reader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;
  isWhole: boolean;

  constructor(bytes: Uint8Array, start: number, end: number, isWhole = true) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.isWhole = isWhole;
  }

  get hasMore(): boolean {
    return this.#at < this.#end;
  }

  skip(length: number): void {
    this.#at += length;
    if (this.#at <= this.#end) return;
    this.#at = this.#end;
    this.isWhole = false;
  }

  number(length: 1 | 2 | 3): number {
    const start = this.#at;
    this.skip(length);
    let value = 0;
    for (let i = 0; this.isWhole && i < length; i++) value = value * 256 + this.#bytes[start + i]!;
    return value;
  }

  /** With its length before it. */
  vector(lengthBytes: 1 | 2 | 3): Reader {
    const length = this.number(lengthBytes);
    const start = this.#at;
    this.skip(length);
    return new Reader(this.#bytes, start, this.#at, this.isWhole);
  }

  /** Of a list of numbers of two bytes. */
  has(isWanted: (value: number) => boolean): boolean {
    for (let i = this.#at; i + 1 < this.#end; i += 2) {
      if (isWanted(this.#bytes[i]! * 256 + this.#bytes[i + 1]!)) return true;
    }
    return false;
  }
}
