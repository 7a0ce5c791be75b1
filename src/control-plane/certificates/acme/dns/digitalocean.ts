/** DigitalOcean's API v2, with a token that may write domains. */
import { ApiClient, textAt } from "./api-client.ts";
import { type DnsProvider, nameWithin, type TxtRecord } from "./dns-provider.ts";
import type { ProviderContext } from "./provider-context.ts";

const name = "digitalocean";
/** Seconds; the least that DigitalOcean takes. */
const timeToLive = 30;

export class DigitalOceanDns implements DnsProvider {
  readonly name = name;
  readonly #api: ApiClient;
  readonly #base: string;

  constructor(context: ProviderContext) {
    this.#base = context.setting("DO_API_URL", "https://api.digitalocean.com");
    this.#api = new ApiClient({
      provider: name,
      headers: { authorization: `Bearer ${context.secret("DO_AUTH_TOKEN")}` },
      reasonOf: ({ json }) => textAt(json, "message"),
      ...context.http,
    });
  }

  async add(record: TxtRecord, signal: AbortSignal): Promise<string> {
    const zone = await this.#api.zoneOf(
      record.name,
      (zone) => `${this.#base}/v2/domains/${zone}`,
      signal,
    );
    const { json } = await this.#api.send(
      {
        method: "POST",
        url: `${this.#base}/v2/domains/${zone}/records`,

        body: {
          type: "TXT",
          name: nameWithin(record.name, zone),
          data: record.value,
          ttl: timeToLive,
        },
      },
      signal,
    );
    return `${zone}/${textAt(json, "domain_record", "id")}`;
  }

  async remove(_record: TxtRecord, handle: string, signal: AbortSignal): Promise<void> {
    const [zone, id] = handle.split("/");
    const url = `${this.#base}/v2/domains/${zone}/records/${id}`;
    await this.#api.send({ method: "DELETE", url }, signal, [404]);
  }
}
