/** Hetzner's Cloud API v1 (zones and record sets), with a token that may write. */
import { ApiClient, textAt } from "./api-client.ts";
import {
  type DnsProvider,
  DnsProviderError,
  nameWithin,
  type TxtRecord,
  zoneCandidates,
} from "./dns-provider.ts";
import type { ProviderContext } from "./provider-context.ts";

const name = "hetzner";
/** Seconds; the least that Hetzner takes. */
const timeToLive = 60;

export class HetznerDns implements DnsProvider {
  readonly name = name;
  readonly #api: ApiClient;
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor(context: ProviderContext) {
    this.#base = context.setting("HETZNER_API_URL", "https://api.hetzner.cloud/v1");
    this.#headers = { authorization: `Bearer ${context.secret("HETZNER_API_TOKEN")}` };
    this.#api = new ApiClient({
      provider: name,
      reasonOf: ({ json }) => textAt(json, "error", "message"),
      ...context.http,
    });
  }

  /** Resolves with the zone. The record set is made when there is none. */
  async add(record: TxtRecord, signal: AbortSignal): Promise<string> {
    const zone = await this.#zoneOf(record.name, signal);
    const body = { records: [{ value: `"${record.value}"` }], ttl: timeToLive };
    await this.#change(zone, record, "add_records", body, signal);
    return zone;
  }

  async remove(record: TxtRecord, zone: string, signal: AbortSignal): Promise<void> {
    const body = { records: [{ value: `"${record.value}"` }] };
    await this.#change(zone, record, "remove_records", body, signal, [404, 422]);
  }

  async #change(
    zone: string,
    record: TxtRecord,
    action: "add_records" | "remove_records",
    body: object,
    signal: AbortSignal,
    tolerated: readonly number[] = [],
  ): Promise<void> {
    const set = encodeURIComponent(nameWithin(record.name, zone));
    const url = `${this.#base}/zones/${zone}/rrsets/${set}/TXT/actions/${action}`;
    await this.#api.send({ method: "POST", url, headers: this.#headers, body }, signal, tolerated);
  }

  async #zoneOf(recordName: string, signal: AbortSignal): Promise<string> {
    for (const zone of zoneCandidates(recordName)) {
      const url = `${this.#base}/zones/${zone}`;
      const answer = await this.#api.send(
        { method: "GET", url, headers: this.#headers },
        signal,
        [404],
      );
      if (answer.status !== 404) return zone;
    }
    throw new DnsProviderError(name, `the project has no zone that ${recordName} is in`);
  }
}
