/** The certificates that were pushed down, for handshakes; the names that were not are asked about. */
import type { Clock } from "../../../lib/clock.ts";
import { OncePerKey } from "../../../lib/once-per-key.ts";
import type { CertificateChange } from "../../../seam/certificates.ts";
import type {
  CertificateKeyPair,
  HandshakeCertificates,
} from "../../../seam/handshake-certificates.ts";

export interface PushedCertificatesOptions {
  clock: Clock;
  /** May reject: then the handshake is refused. */
  ask(name: string): Promise<CertificateKeyPair | null>;
  /** Resolves when it has been pushed, or can't be had; may reject. */
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
  readonly #rsaWanted = new OncePerKey<string, void>();
  #lackRsa = false;
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

  forName(
    name: string,
    takesEcdsa = true,
  ): CertificateKeyPair | null | Promise<CertificateKeyPair | null> {
    const found = this.#forName(name);
    if (takesEcdsa || found === null) return found;
    return "certificate" in found && found.rsa !== undefined ? found : this.#withRsa(name, found);
  }

  /** What there is now for the name, after an RSA certificate was asked for. */
  async #withRsa(
    name: string,
    found: CertificateKeyPair | Promise<CertificateKeyPair | null>,
  ): Promise<CertificateKeyPair | null> {
    const pair = await found;
    if (pair === null) return null;
    await this.wantRsa(name);
    return this.#pairOf(this.#lookup(name)) ?? pair;
  }

  #forName(name: string): CertificateKeyPair | null | Promise<CertificateKeyPair | null> {
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
  async wantRsa(name: string): Promise<void> {
    if (!this.#lacksRsa(this.#lookup(name))) return;
    await this.#rsaWanted.run(name, async () => {
      await this.#options.askForRsa(name).catch(() => {});
    });
  }

  get lackRsa(): boolean {
    return this.#lackRsa;
  }

  /** Files have what they have. */
  #lacksRsa(entry: Entry | null): boolean {
    const isAutomatic = entry !== null && entry.untilMs !== null;
    const pair = isAutomatic ? this.#pairOf(entry) : null;
    return pair !== null && pair.rsa === undefined;
  }

  #pairOf(entry: Entry | null): CertificateKeyPair | null {
    return entry === null ? null : (this.#pairs.get(entry.id) ?? null);
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
    this.#lackRsa = [...this.#names.values()].some((each) => each === null || this.#lacksRsa(each));
  }
}
