/**
 * DNS-01 (RFC 8555 8.4) from the record to its end: follows a CNAME of `_acme-challenge` to where the record belongs,
 * adds it, waits until all name servers of its zone have it, and removes it, also after a crash.
 */
import type { Logger } from "../../../../lib/logger.ts";
import { messageWithCause } from "../../../../lib/error-text.ts";
import { type DnsProvider, DnsProviderError, type TxtRecord } from "./dns-provider.ts";
import type { DnsZones } from "./dns-zones.ts";
import type { RecordJournal } from "./record-journal.ts";
import type { ZoneView } from "./zone-view.ts";

export interface DnsChallengeSettings {
  zones: DnsZones;
  view: ZoneView;
  journal: RecordJournal;
  logger: Logger;
}

export class DnsChallenge {
  readonly #settings: DnsChallengeSettings;

  constructor(settings: DnsChallengeSettings) {
    this.#settings = settings;
  }

  /** Whether a provider is configured for the name; wildcards are in the zone of what they stand for. */
  covers(name: string): boolean {
    return this.#settings.zones.providerFor(withoutWildcard(name)) !== null;
  }

  /**
   * `value` is the digest of the key authorization. Resolves when the CA may look; disposing the result removes the record. Rejects with a DnsProviderError.
   */
  async answer(name: string, value: string, signal: AbortSignal): Promise<AsyncDisposable> {
    const { zones, view, journal } = this.#settings;
    const challengeName = `_acme-challenge.${withoutWildcard(name)}`;
    const target = await view.target(challengeName);
    // A delegation usually leads into a zone made for that; else the name's own provider may know it.
    const provider = zones.providerFor(target) ?? zones.providerFor(withoutWildcard(name));
    if (provider === null) {
      throw new DnsProviderError("nobody", `KAMAL_PROXY_ACME_DNS has no provider for ${target}`);
    }
    const record: TxtRecord = { name: target, value };
    const handle = await provider.add(record, signal);
    const entry = { provider: provider.name, ...record, handle };
    journal.add(entry);
    const removal = {
      [Symbol.asyncDispose]: async () => {
        if (await this.#remove(provider, record, handle)) journal.delete(entry);
      },
    };
    try {
      await view.waitFor(record, signal);
    } catch (error) {
      await removal[Symbol.asyncDispose]();
      throw error;
    }
    return removal;
  }

  /** Removes what an earlier run has left behind. */
  async cleanUp(): Promise<void> {
    const { zones, journal, logger } = this.#settings;
    for (const entry of journal.entries()) {
      const provider = zones.providerNamed(entry.provider);
      const record = { name: entry.name, value: entry.value };
      if (provider === null) {
        logger.warn("A DNS record of an earlier run stays", {
          ...record,
          provider: entry.provider,
        });
      }
      if (provider === null || (await this.#remove(provider, record, entry.handle))) {
        journal.delete(entry);
      }
    }
  }

  async #remove(provider: DnsProvider, record: TxtRecord, handle: string): Promise<boolean> {
    try {
      // The order may be over because its time is up: removing has a time of its own.
      await provider.remove(record, handle, new AbortController().signal);
      return true;
    } catch (error) {
      const fields = { name: record.name, error: messageWithCause(error) };
      this.#settings.logger.warn("Unable to remove a DNS record", fields);
      return false;
    }
  }
}

function withoutWildcard(name: string): string {
  return name.startsWith("*.") ? name.slice(2) : name;
}
