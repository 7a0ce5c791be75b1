/** What TLS listeners ask for, answered from maps. */
import type {
  CertificateKeyPair,
  HandshakeCertificates,
} from "../../src/seam/handshake-certificates.ts";
import { createCertificate, type KeyKind } from "./certificates.ts";

export class FakeCertificates implements HandshakeCertificates {
  readonly pairs = new Map<string, CertificateKeyPair>();
  readonly challenges = new Set<string>();
  /** Names whose certificate is still being made. */
  readonly waiting = new Map<string, Promise<CertificateKeyPair | null>>();
  readonly asked: string[] = [];
  /** What was known of each client that asked. */
  readonly takesEcdsa: boolean[] = [];
  readonly rsaWanted: string[] = [];
  default: CertificateKeyPair | null = null;
  onChange: (() => void) | null = null;
  lackRsa = false;

  constructor(...names: string[]) {
    for (const name of names) this.pairs.set(name, keyPair(name));
  }

  forName(
    name: string,
    takesEcdsa = true,
  ): CertificateKeyPair | null | Promise<CertificateKeyPair | null> {
    this.asked.push(name);
    this.takesEcdsa.push(takesEcdsa);
    return this.waiting.get(name) ?? this.pairs.get(name) ?? null;
  }
  withoutName(): CertificateKeyPair | null {
    return this.default;
  }
  defaultHost(): string | null {
    return this.default === null ? null : "default.test";
  }
  async wantRsa(name: string): Promise<void> {
    this.rsaWanted.push(name);
  }
  isChallenge(name: string): boolean {
    return this.challenges.has(name);
  }
  all(): ReadonlyMap<string, CertificateKeyPair> {
    return this.pairs;
  }
}

export function keyPair(name: string, kind: KeyKind = "ec"): CertificateKeyPair {
  return createCertificate([name], { kind });
}
