/**
 * A service of the operator's own that is told which records to add and remove: POST to `/present` and `/cleanup`
 * with `{"fqdn","value"}`, or with `{"domain","token","keyAuth"}` in the raw mode of lego's httpreq. Only the
 * first is sent here: it is that mode's default and all that is needed.
 */
import { ApiClient } from "./api-client.ts";
import type { DnsProvider, TxtRecord } from "./dns-provider.ts";
import type { ProviderContext } from "./provider-context.ts";

const name = "webhook";

export class WebhookDns implements DnsProvider {
  readonly name = name;
  readonly #api: ApiClient;
  readonly #endpoint: string;
  readonly #headers: Record<string, string>;

  constructor(context: ProviderContext) {
    this.#endpoint = context.url("HTTPREQ_ENDPOINT").replace(/\/$/, "");
    const user = context.setting("HTTPREQ_USERNAME", "");
    const password = user === "" ? "" : context.secret("HTTPREQ_PASSWORD");
    const credentials = Buffer.from(`${user}:${password}`).toString("base64");
    this.#headers = user === "" ? {} : { authorization: `Basic ${credentials}` };
    this.#api = new ApiClient({ provider: name, reasonOf: () => "", ...context.http });
  }

  async add(record: TxtRecord, signal: AbortSignal): Promise<string> {
    await this.#tell("present", record, signal);
    return "";
  }

  async remove(record: TxtRecord, _handle: string, signal: AbortSignal): Promise<void> {
    await this.#tell("cleanup", record, signal);
  }

  async #tell(what: "present" | "cleanup", record: TxtRecord, signal: AbortSignal): Promise<void> {
    const body = { fqdn: `${record.name}.`, value: record.value };
    const url = `${this.#endpoint}/${what}`;
    await this.#api.send({ method: "POST", url, headers: this.#headers, body }, signal);
  }
}
