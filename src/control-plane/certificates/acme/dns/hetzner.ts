/** Hetzner's Cloud API v1 (zones and record sets), with a token that may write. */
import { ApiClient, textAt } from "./api-client.ts";
import { type DnsProvider, nameWithin, type TxtRecord } from "./dns-provider.ts";
import type { ProviderContext } from "./provider-context.ts";

const name = "hetzner";
/** Seconds; the least that Hetzner takes. */
const timeToLive = 60;

export class HetznerDns implements DnsProvider {
  readonly name = name;
  readonly #api: ApiClient;
  readonly #base: string;

  constructor(context: ProviderContext) {
    this.#base = context.setting("HETZNER_API_URL", "https://api.hetzner.cloud/v1");
    this.#api = new ApiClient({
      provider: name,
      headers: { authorization: `Bearer ${context.secret("HETZNER_API_TOKEN")}` },
      reasonOf: ({ json }) => textAt(json, "error", "message"),
      ...context.http,
    });
  }

  /** Resolves with the zone. The record set is made when there is none. */
  async add(record: TxtRecord, signal: AbortSignal): Promise<string> {
    const zone = await this.#api.zoneOf(
      record.name,
      (zone) => `${this.#base}/zones/${zone}`,
      signal,
    );
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
    await this.#api.send({ method: "POST", url, body }, signal, tolerated);
  }
}
