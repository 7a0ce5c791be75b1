/** DigitalOcean's API v2, with a token that may write domains. */
import { ApiClient, textAt } from "./api-client.ts";
import {
  type DnsProvider,
  DnsProviderError,
  nameWithin,
  type TxtRecord,
  zoneCandidates,
} from "./dns-provider.ts";
import type { ProviderContext } from "./provider-context.ts";

const name = "digitalocean";
/** Seconds; the least that DigitalOcean takes. */
const timeToLive = 30;

export class DigitalOceanDns implements DnsProvider {
  readonly name = name;
  readonly #api: ApiClient;
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor(context: ProviderContext) {
    this.#base = context.setting("DO_API_URL", "https://api.digitalocean.com");
    this.#headers = { authorization: `Bearer ${context.secret("DO_AUTH_TOKEN")}` };
    this.#api = new ApiClient({
      provider: name,
      reasonOf: ({ json }) => textAt(json, "message"),
      ...context.http,
    });
  }

  async add(record: TxtRecord, signal: AbortSignal): Promise<string> {
    const zone = await this.#zoneOf(record.name, signal);
    const { json } = await this.#api.send(
      {
        method: "POST",
        url: `${this.#base}/v2/domains/${zone}/records`,
        headers: this.#headers,
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
    await this.#api.send({ method: "DELETE", url, headers: this.#headers }, signal, [404]);
  }

  async #zoneOf(recordName: string, signal: AbortSignal): Promise<string> {
    for (const zone of zoneCandidates(recordName)) {
      const url = `${this.#base}/v2/domains/${zone}`;
      const answer = await this.#api.send(
        { method: "GET", url, headers: this.#headers },
        signal,
        [404],
      );
      if (answer.status !== 404) return zone;
    }
    throw new DnsProviderError(name, `the account has no domain that ${recordName} is in`);
  }
}
