/** What DNS-01 (RFC 8555 8.4) asks of whoever runs a zone: a TXT record, and its end. */

export interface TxtRecord {
  /** Full name in lower case, without final dot: `_acme-challenge.example.com`. */
  readonly name: string;
  readonly value: string;
}

export interface DnsProvider {
  /** As it stands in KAMAL_PROXY_ACME_DNS. */
  readonly name: string;
  /**
   * Adds the record beside others of its name. Resolves with what `remove` needs besides the record, empty when
   * that is nothing; it is kept on disk meanwhile. Rejects with a DnsProviderError in the provider's own words.
   */
  add(record: TxtRecord, signal: AbortSignal): Promise<string>;
  /** A record that is gone already counts as removed. */
  remove(record: TxtRecord, handle: string, signal: AbortSignal): Promise<void>;
}

export class DnsProviderError extends Error {
  /** `provider` stands before the reason. */
  constructor(provider: string, reason: string, options?: ErrorOptions) {
    super(`DNS by ${provider}: ${reason}`, options);
    this.name = "DnsProviderError";
  }
}

/** The zones that a name may be in, the longest first, without top-level domains. */
export function zoneCandidates(name: string): string[] {
  const labels = name.split(".");
  const candidates: string[] = [];
  for (let i = 0; i < labels.length - 1; i++) candidates.push(labels.slice(i).join("."));
  return candidates;
}

/** The part of the name before its zone; `@` for the zone itself. */
export function nameWithin(name: string, zone: string): string {
  return name === zone ? "@" : name.slice(0, -zone.length - 1);
}
