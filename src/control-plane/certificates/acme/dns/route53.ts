/** Amazon Route 53 (API of 2013-04-01); `aws4fetch` signs the requests (AWS Signature Version 4). */
import { AwsClient } from "aws4fetch";
import { ApiClient, type ApiAnswer } from "./api-client.ts";
import {
  type DnsProvider,
  DnsProviderError,
  type TxtRecord,
  zoneCandidates,
} from "./dns-provider.ts";
import type { ProviderContext } from "./provider-context.ts";

const name = "route53";
/** Seconds. */
const timeToLive = 10;
const apiVersion = "2013-04-01";

/** Record sets are changed as a whole: two values of one name are one set. */
export class Route53Dns implements DnsProvider {
  readonly name = name;
  readonly #api: ApiClient;
  readonly #base: string;
  readonly #signer: AwsClient;
  /** Empty: looked for by name. */
  readonly #zoneId: string;

  constructor(context: ProviderContext) {
    this.#base = context.setting("AWS_ENDPOINT_URL_ROUTE_53", "https://route53.amazonaws.com");
    this.#zoneId = context.setting("AWS_HOSTED_ZONE_ID", "");
    const sessionToken = context.setting("AWS_SESSION_TOKEN", "");
    this.#signer = new AwsClient({
      accessKeyId: context.secret("AWS_ACCESS_KEY_ID"),
      secretAccessKey: context.secret("AWS_SECRET_ACCESS_KEY"),
      ...(sessionToken === "" ? {} : { sessionToken }),
      service: "route53",
      region: "us-east-1",
    });
    this.#api = new ApiClient({ provider: name, reasonOf, ...context.http });
  }

  async add(record: TxtRecord, signal: AbortSignal): Promise<string> {
    const zoneId = this.#zoneId || (await this.#zoneOf(record.name, signal));
    const values = await this.#values(zoneId, record.name, signal);
    await this.#put(zoneId, record.name, [...new Set([...values, record.value])], values, signal);
    return zoneId;
  }

  async remove(record: TxtRecord, zoneId: string, signal: AbortSignal): Promise<void> {
    const values = await this.#values(zoneId, record.name, signal);
    if (!values.includes(record.value)) return;
    const rest = values.filter((value) => value !== record.value);
    await this.#put(zoneId, record.name, rest, values, signal);
  }

  async #put(
    zoneId: string,
    recordName: string,
    values: readonly string[],
    before: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const [action, listed] = values.length === 0 ? ["DELETE", before] : ["UPSERT", values];
    const records = listed
      .map((value) => `<ResourceRecord><Value>"${value}"</Value></ResourceRecord>`)
      .join("");
    const body =
      `<?xml version="1.0" encoding="UTF-8"?>` +
      `<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/${apiVersion}/">` +
      `<ChangeBatch><Changes><Change><Action>${action}</Action><ResourceRecordSet>` +
      `<Name>${recordName}.</Name><Type>TXT</Type><TTL>${timeToLive}</TTL>` +
      `<ResourceRecords>${records}</ResourceRecords>` +
      `</ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`;
    await this.#send("POST", `/hostedzone/${zoneId}/rrset`, body, signal);
  }

  async #values(zoneId: string, recordName: string, signal: AbortSignal): Promise<string[]> {
    const query = `?name=${encodeURIComponent(`${recordName}.`)}&type=TXT&maxitems=1`;
    const { text } = await this.#send("GET", `/hostedzone/${zoneId}/rrset${query}`, null, signal);
    const set = /<ResourceRecordSet>(.*?)<\/ResourceRecordSet>/s.exec(text)?.[1] ?? "";
    // The list begins at the name and goes on behind it.
    if (elements(set, "Name")[0] !== `${recordName}.` || elements(set, "Type")[0] !== "TXT")
      return [];
    return elements(set, "Value").map((value) =>
      value.replaceAll("&quot;", '"').replace(/^"|"$/g, ""),
    );
  }

  async #zoneOf(recordName: string, signal: AbortSignal): Promise<string> {
    for (const zone of zoneCandidates(recordName)) {
      const path = `/hostedzonesbyname?dnsname=${encodeURIComponent(zone)}&maxitems=10`;
      const { text } = await this.#send("GET", path, null, signal);
      for (const found of elements(text, "HostedZone")) {
        const isPrivate = elements(found, "PrivateZone")[0] === "true";
        if (elements(found, "Name")[0] !== `${zone}.` || isPrivate) continue;
        return (elements(found, "Id")[0] ?? "").replace("/hostedzone/", "");
      }
    }
    throw new DnsProviderError(name, `the account has no public zone that ${recordName} is in`);
  }

  async #send(
    method: "GET" | "POST",
    path: string,
    body: string | null,
    signal: AbortSignal,
  ): Promise<ApiAnswer> {
    const url = `${this.#base}/${apiVersion}${path}`;
    const { headers } = await this.#signer.sign(url, {
      method,
      ...(body === null ? {} : { body, headers: { "content-type": "text/xml" } }),
    });
    return await this.#api.send(
      { method, url, headers: Object.fromEntries(headers), ...(body === null ? {} : { body }) },
      signal,
    );
  }
}

function reasonOf({ text }: ApiAnswer): string {
  return elements(text, "Message").join("; ");
}

/** The contents of all elements of a name; the answers have neither attributes nor nesting of one name. */
function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, "gs"))].map(([, text]) => text!);
}
