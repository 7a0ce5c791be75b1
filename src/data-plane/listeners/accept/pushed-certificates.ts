/** The certificates that were pushed down, for handshakes; the names that were not are asked about. */
import type { Clock } from "../../../lib/clock.ts";
import type { CertificateChange } from "../../../seam/certificates.ts";
import type {
  CertificateKeyPair,
  HandshakeCertificates,
} from "../../../seam/handshake-certificates.ts";

export interface PushedCertificatesOptions {
  clock: Clock;
  /** May reject: then the handshake is refused. */
  ask(name: string): Promise<CertificateKeyPair | null>;
  /** May reject. */
  askForRsa(name: string): Promise<unknown>;
}

interface Entry {
  id: string;
  untilMs: number | null;
}

export class PushedCertificates implements HandshakeCertificates {
  onChange: (() => void) | null = null;
  readonly #options: PushedCertificatesOptions;
  /** By id: one object a pair, by which its native context is kept. */
  #pairs = new Map<string, CertificateKeyPair>();
  readonly #names = new Map<string, Entry | null>();
  readonly #rsaWanted = new Set<string>();
  #challenges = new Map<string, string>();
  #withoutName: string | null = null;
  #defaultHost: string | null = null;

  constructor(options: PushedCertificatesOptions) {
    this.#options = options;
  }

  change(change: CertificateChange): void {
    for (const [id, pair] of change.pairs) this.#pairs.set(id, pair);
    for (const name of change.removed) this.#names.delete(name);
    for (const [name, entry] of change.names) this.#names.set(name, entry);
    this.#challenges = new Map(change.challenges);
    this.#withoutName = change.withoutName;
    this.#defaultHost = change.defaultHost;
    this.#forgetUnused();
    this.onChange?.();
  }

  forName(name: string): CertificateKeyPair | null | Promise<CertificateKeyPair | null> {
    const challenge = this.#challenges.get(name);
    if (challenge !== undefined) return this.#pairs.get(challenge) ?? null;
    const entry = this.#lookup(name);
    if (entry !== null && !this.#isOver(entry)) return this.#pairs.get(entry.id) ?? null;
    return this.#ask(name);
  }

  withoutName(): CertificateKeyPair | null {
    return this.#withoutName === null ? null : (this.#pairs.get(this.#withoutName) ?? null);
  }

  defaultHost(): string | null {
    return this.#defaultHost;
  }

  /** Asked for once at a time: anybody may fail as often as they like. */
  wantRsa(name: string): void {
    const entry = this.#lookup(name);
    // Files have what they have.
    if (entry === null || entry.untilMs === null) return;
    const pair = this.#pairs.get(entry.id);
    if (pair === undefined || pair.rsa !== undefined || this.#rsaWanted.has(name)) return;
    this.#rsaWanted.add(name);
    this.#options
      .askForRsa(name)
      .catch(() => {})
      .finally(() => this.#rsaWanted.delete(name));
  }

  isChallenge(name: string): boolean {
    return this.#challenges.has(name);
  }

  all(): ReadonlyMap<string, CertificateKeyPair> {
    const found = new Map<string, CertificateKeyPair>();
    for (const [name, entry] of this.#names) {
      const pair = entry === null ? undefined : this.#pairs.get(entry.id);
      if (pair !== undefined) found.set(name, pair);
    }
    return found;
  }

  /** A name that is listed is final; `*.` stands for one label. */
  #lookup(name: string): Entry | null {
    const exact = this.#names.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf(".");
    const wildcard = dot > 0 ? this.#names.get(`*${name.slice(dot)}`) : undefined;
    return (wildcard === undefined ? this.#names.get("") : wildcard) ?? null;
  }

  #isOver({ untilMs }: Entry): boolean {
    return untilMs !== null && this.#options.clock.wallMs() >= untilMs;
  }

  /** The answer may have been pushed as well: then the same object stands for it. */
  async #ask(name: string): Promise<CertificateKeyPair | null> {
    try {
      const answer = await this.#options.ask(name);
      return answer === null ? null : (this.#known(answer) ?? answer);
    } catch {
      return null;
    }
  }

  #known({ certificate, privateKey }: CertificateKeyPair): CertificateKeyPair | undefined {
    for (const pair of this.#pairs.values()) {
      if (pair.certificate === certificate && pair.privateKey === privateKey) return pair;
    }
    return undefined;
  }

  #forgetUnused(): void {
    const used = new Map<string, CertificateKeyPair>();
    const keep = (id: string | null | undefined): void => {
      const pair = id === null || id === undefined ? undefined : this.#pairs.get(id);
      if (pair !== undefined) used.set(id!, pair);
    };
    for (const entry of this.#names.values()) keep(entry?.id);
    for (const id of this.#challenges.values()) keep(id);
    keep(this.#withoutName);
    this.#pairs = used;
  }
}
