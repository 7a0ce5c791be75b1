/** Cloudflare's API v4, with a token that may read zones and edit DNS records. */
import { ApiClient, type ApiAnswer, textAt, valueAt } from "./api-client.ts";
import {
  type DnsProvider,
  DnsProviderError,
  type TxtRecord,
  zoneCandidates,
} from "./dns-provider.ts";
import type { ProviderContext } from "./provider-context.ts";

const name = "cloudflare";
/** Seconds; the least that Cloudflare takes. */
const timeToLive = 60;

export class CloudflareDns implements DnsProvider {
  readonly name = name;
  readonly #api: ApiClient;
  readonly #base: string;

  constructor(context: ProviderContext) {
    this.#base = context.setting("CLOUDFLARE_API_URL", "https://api.cloudflare.com/client/v4");
    this.#api = new ApiClient({
      provider: name,
      headers: { authorization: `Bearer ${context.secret("CLOUDFLARE_DNS_API_TOKEN")}` },
      reasonOf,
      ...context.http,
    });
  }

  async add(record: TxtRecord, signal: AbortSignal): Promise<string> {
    const zoneId = await this.#zoneOf(record.name, signal);
    const { json } = await this.#api.send(
      {
        method: "POST",
        url: `${this.#base}/zones/${zoneId}/dns_records`,

        body: { type: "TXT", name: record.name, content: `"${record.value}"`, ttl: timeToLive },
      },
      signal,
    );
    return `${zoneId}/${textAt(json, "result", "id")}`;
  }

  async remove(_record: TxtRecord, handle: string, signal: AbortSignal): Promise<void> {
    const [zoneId, recordId] = handle.split("/");
    const url = `${this.#base}/zones/${zoneId}/dns_records/${recordId}`;
    await this.#api.send({ method: "DELETE", url }, signal, [404]);
  }

  async #zoneOf(recordName: string, signal: AbortSignal): Promise<string> {
    for (const zone of zoneCandidates(recordName)) {
      const url = `${this.#base}/zones?name=${encodeURIComponent(zone)}`;
      const { json } = await this.#api.send({ method: "GET", url }, signal);
      const id = textAt(json, "result", 0, "id");
      if (id !== "") return id;
    }
    throw new DnsProviderError(name, `the token sees no zone that ${recordName} is in`);
  }
}

function reasonOf({ json }: ApiAnswer): string {
  const errors = valueAt(json, "errors");
  if (!Array.isArray(errors)) return "";
  return errors
    .map((error) => textAt(error, "message"))
    .filter(Boolean)
    .join("; ");
}
