/**
 * acme-dns: a small name server that holds nothing but challenges; `_acme-challenge` of each name is a CNAME to a
 * subdomain of it. Its accounts are made by the operator (POST /register) and read from a file:
 * `{"example.com": {"username", "password", "fulldomain", "subdomain"}}`.
 */
import { readRegularFile } from "../../../../lib/regular-file.ts";
import { messageWithCause } from "../../../../lib/error-text.ts";
import { ApiClient, textAt } from "./api-client.ts";
import { type DnsProvider, DnsProviderError, type TxtRecord } from "./dns-provider.ts";
import type { ProviderContext } from "./provider-context.ts";

const name = "acme-dns";
const maxAccountsBytes = 1024 * 1024;

export class AcmeDns implements DnsProvider {
  readonly name = name;
  readonly #api: ApiClient;
  readonly #base: string;
  readonly #accountsPath: string;

  constructor(context: ProviderContext) {
    this.#base = context.url("ACME_DNS_API_BASE").replace(/\/$/, "");
    this.#accountsPath = context.setting("ACME_DNS_STORAGE_PATH");
    this.#api = new ApiClient({
      provider: name,
      reasonOf: ({ json }) => textAt(json, "error"),
      ...context.http,
    });
  }

  /** The record's name is where the CNAME leads: the `fulldomain` of an account. */
  async add(record: TxtRecord, signal: AbortSignal): Promise<string> {
    const account = await this.#accountOf(record.name);
    await this.#api.send(
      {
        method: "POST",
        url: `${this.#base}/update`,
        headers: {
          "x-api-user": textAt(account, "username"),
          "x-api-key": textAt(account, "password"),
        },
        body: { subdomain: textAt(account, "subdomain"), txt: record.value },
      },
      signal,
    );
    return "";
  }

  /** It keeps the last two values and forgets older ones by itself. */
  async remove(): Promise<void> {}

  async #accountOf(recordName: string): Promise<unknown> {
    let accounts: unknown;
    try {
      accounts = JSON.parse(
        (await readRegularFile(this.#accountsPath, maxAccountsBytes)).toString(),
      );
    } catch (error) {
      const text = `the accounts of ACME_DNS_STORAGE_PATH can't be read: ${messageWithCause(error)}`;
      throw new DnsProviderError(name, text, { cause: error });
    }
    for (const account of Object.values(accounts ?? {})) {
      const domain = textAt(account, "fulldomain").toLowerCase().replace(/\.$/, "");
      if (domain !== "" && domain === recordName) return account;
    }
    throw new DnsProviderError(
      name,
      `no account in ${this.#accountsPath} has the fulldomain ${recordName}, where the CNAME of the challenge leads`,
    );
  }
}
