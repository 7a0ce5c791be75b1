/** Each provider against a small copy of its interface, which keeps records and refuses what the real one refuses. */
import { describe, expect, test } from "bun:test";
import { DnsZones } from "../../../../../../src/control-plane/certificates/acme/dns/dns-zones.ts";
import type { DnsProvider } from "../../../../../../src/control-plane/certificates/acme/dns/dns-provider.ts";
import { systemClock } from "../../../../../../src/lib/clock.ts";
import { tempFolder } from "../../../../../support/temp-folder.ts";

interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Headers;
  body: string;
}
type Answer = { status?: number; json?: unknown; text?: string };
type FakeApi = (asked: Asked) => Answer;

const signal = new AbortController().signal;
const record = { name: "_acme-challenge.www.example.com", value: "proof-1" };
const other = { name: "_acme-challenge.www.example.com", value: "proof-2" };

function providerOf(
  name: string,
  environment: Record<string, string>,
  api: FakeApi,
  files: Record<string, string> = {},
): DnsProvider {
  const zones = DnsZones.read(name, {
    environment,
    readFile(path) {
      if (files[path] === undefined) throw new Error("ENOENT: no such file");
      return files[path];
    },
    http: {
      clock: systemClock,
      async fetch(url, init) {
        const { pathname, searchParams } = new URL(url);
        const {
          status = 200,
          json,
          text,
        } = api({
          method: init.method ?? "GET",
          path: pathname,
          query: searchParams,
          headers: new Headers(init.headers as Record<string, string>),
          body: typeof init.body === "string" ? init.body : "",
        });
        return new Response(text ?? (json === undefined ? "" : JSON.stringify(json)), {
          status: status === 204 ? 200 : status,
        });
      },
    },
  });
  return zones.providerFor("example.com")!;
}

/** `name value` of what stands in the zone. */
type Records = Map<string, string>;

const apis: Record<
  string,
  { environment: Record<string, string>; api(records: Records): FakeApi; refused: RegExp }
> = {
  cloudflare: {
    environment: { CLOUDFLARE_DNS_API_TOKEN: "secret" },
    refused: /cloudflare: GET \/client\/v4\/zones was answered 403: Invalid access token/,
    api: (records) => (asked) => {
      if (asked.headers.get("authorization") !== "Bearer secret") {
        return {
          status: 403,
          json: { success: false, errors: [{ code: 9109, message: "Invalid access token" }] },
        };
      }
      if (asked.path.endsWith("/zones")) {
        const isOurs = asked.query.get("name") === "example.com";
        return { json: { success: true, result: isOurs ? [{ id: "z1" }] : [] } };
      }
      if (asked.method === "POST") {
        const { type, name, content } = JSON.parse(asked.body);
        if (type !== "TXT" || !asked.path.endsWith("/zones/z1/dns_records")) return { status: 400 };
        const id = `r${records.size + 1}`;
        records.set(id, `${name} ${content.replaceAll('"', "")}`);
        return { json: { success: true, result: { id } } };
      }
      const id = asked.path.split("/").at(-1)!;
      return { status: records.delete(id) ? 200 : 404, json: { success: true } };
    },
  },
  digitalocean: {
    environment: { DO_AUTH_TOKEN: "secret" },
    refused: /digitalocean: GET \/v2\/domains\/\S+ was answered 401: Unable to authenticate you/,
    api: (records) => (asked) => {
      if (asked.headers.get("authorization") !== "Bearer secret") {
        return { status: 401, json: { id: "Unauthorized", message: "Unable to authenticate you" } };
      }
      const [, , , domain, , id] = asked.path.split("/");
      if (domain !== "example.com") return { status: 404, json: { id: "not_found" } };
      if (asked.method === "GET") return { json: { domain: { name: domain } } };
      if (asked.method === "POST") {
        const { type, name, data } = JSON.parse(asked.body);
        if (type !== "TXT") return { status: 422 };
        const key = String(records.size + 100);
        records.set(key, `${name}.${domain} ${data}`);
        return { status: 201, json: { domain_record: { id: Number(key) } } };
      }
      return { status: records.delete(id!) ? 204 : 404 };
    },
  },
  hetzner: {
    environment: { HETZNER_API_TOKEN: "secret" },
    refused: /hetzner: GET \/v1\/zones\/\S+ was answered 401: unable to authenticate/,
    api: (records) => (asked) => {
      if (asked.headers.get("authorization") !== "Bearer secret") {
        return {
          status: 401,
          json: { error: { code: "unauthorized", message: "unable to authenticate" } },
        };
      }
      const [, , , zone, , set, type, , action] = asked.path.split("/");
      if (zone !== "example.com") return { status: 404, json: { error: { message: "not found" } } };
      if (asked.method === "GET") return { json: { zone: { name: zone } } };
      if (type !== "TXT") return { status: 400 };
      for (const { value } of JSON.parse(asked.body).records) {
        const key = `${set}.${zone} ${value.replaceAll('"', "")}`;
        if (action === "add_records") records.set(key, key);
        else if (!records.delete(key)) return { status: 404, json: {} };
      }
      return { status: 201, json: { action: { status: "running" } } };
    },
  },
  route53: {
    environment: { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "secret" },
    refused: /route53: GET \/2013-04-01\/hostedzonesbyname was answered 403: The security token/,
    api: (records) => (asked) => {
      const authorization = asked.headers.get("authorization") ?? "";
      if (
        !/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/route53\/aws4_request/.test(
          authorization,
        )
      ) {
        return {
          status: 403,
          text: "<ErrorResponse><Error><Message>The security token is invalid.</Message></Error></ErrorResponse>",
        };
      }
      if (asked.path.endsWith("/hostedzonesbyname")) {
        const zones =
          "<HostedZone><Id>/hostedzone/PRIV</Id><Name>example.com.</Name><Config><PrivateZone>true</PrivateZone></Config></HostedZone>" +
          "<HostedZone><Id>/hostedzone/Z1</Id><Name>example.com.</Name><Config><PrivateZone>false</PrivateZone></Config></HostedZone>";
        return {
          text: `<ListHostedZonesByNameResponse><HostedZones>${zones}</HostedZones></ListHostedZonesByNameResponse>`,
        };
      }
      if (asked.path !== "/2013-04-01/hostedzone/Z1/rrset") return { status: 404 };
      if (asked.method === "GET") {
        const values = [...records.values()].map((one) => one.split(" ")[1]);
        const list = values
          .map((value) => `<ResourceRecord><Value>&quot;${value}&quot;</Value></ResourceRecord>`)
          .join("");
        const set = `<ResourceRecordSet><Name>${record.name}.</Name><Type>TXT</Type><ResourceRecords>${list}</ResourceRecords></ResourceRecordSet>`;
        return {
          text: `<R><ResourceRecordSets>${values.length === 0 ? "" : set}</ResourceRecordSets></R>`,
        };
      }
      const action = /<Action>(\w+)</.exec(asked.body)?.[1];
      const name = /<Name>(\S+)\.<\/Name>/.exec(asked.body)?.[1];
      records.clear();
      if (action === "UPSERT") {
        for (const [, value] of asked.body.matchAll(/<Value>"(.*?)"<\/Value>/g)) {
          records.set(value!, `${name} ${value}`);
        }
      }
      return { text: "<ChangeResourceRecordSetsResponse/>" };
    },
  },
  webhook: {
    environment: {
      HTTPREQ_ENDPOINT: "https://dns.internal/hook/",
      HTTPREQ_USERNAME: "kamal",
      HTTPREQ_PASSWORD: "secret",
    },
    refused: /webhook: POST \/hook\/present was answered 401: who are you/,
    api: (records) => (asked) => {
      if (asked.headers.get("authorization") !== `Basic ${btoa("kamal:secret")}`) {
        return { status: 401, text: "who are you\n" };
      }
      const { fqdn, value } = JSON.parse(asked.body);
      const key = `${fqdn.replace(/\.$/, "")} ${value}`;
      if (asked.path === "/hook/present") records.set(key, key);
      else if (asked.path === "/hook/cleanup") records.delete(key);
      else return { status: 404 };
      return {};
    },
  },
};

const standing = (records: Records): string[] => [...records.values()].toSorted();

describe.each(Object.keys(apis))("DNS by %s", (name) => {
  const { environment, api, refused } = apis[name]!;

  test("adds records beside each other and removes just its own", async () => {
    const records: Records = new Map();
    const provider = providerOf(name, environment, api(records));
    const first = await provider.add(record, signal);
    const second = await provider.add(other, signal);
    expect(standing(records)).toEqual([`${record.name} proof-1`, `${record.name} proof-2`]);
    await provider.remove(record, first, signal);
    expect(standing(records)).toEqual([`${record.name} proof-2`]);
    await provider.remove(other, second, signal);
    expect(standing(records)).toEqual([]);
  });

  test("takes a record that is gone for removed", async () => {
    const records: Records = new Map();
    const provider = providerOf(name, environment, api(records));
    const handle = await provider.add(record, signal);
    records.clear();
    await provider.remove(record, handle, signal);
  });

  test("tells why it was refused, in the provider's own words", async () => {
    const last = Object.keys(environment).at(-1)!;
    const wrong = { ...environment, [last]: "wrong" };
    if (name === "route53") wrong["AWS_ACCESS_KEY_ID"] = "OTHER";
    const provider = providerOf(name, wrong, api(new Map()));
    await expect(provider.add(record, signal)).rejects.toThrow(refused);
  });

  test("takes its secret from a file as well", async () => {
    const secretName = Object.keys(environment).at(-1)!;
    const { [secretName]: secret = "", ...rest } = environment;
    const files = { "/run/secrets/dns": `${secret}\n` };
    const withFile = { ...rest, [`${secretName}_FILE`]: "/run/secrets/dns" };
    const provider = providerOf(name, withFile, api(new Map()), files);
    await provider.add(record, signal);
    const both = { ...withFile, [secretName]: secret };
    expect(() => providerOf(name, both, api(new Map()), files)).toThrow(
      `${secretName} and ${secretName}_FILE are both set`,
    );
    expect(() => providerOf(name, withFile, api(new Map()), { "/run/secrets/dns": " \n" })).toThrow(
      `${secretName}_FILE: /run/secrets/dns is empty`,
    );
  });

  test("names the variable that is missing", () => {
    const first = Object.keys(environment)[0]!;
    expect(() => providerOf(name, {}, api(new Map()))).toThrow(
      `KAMAL_PROXY_ACME_DNS names ${name}, which needs ${first}`,
    );
  });
});

describe.each(["cloudflare", "digitalocean", "hetzner"])("DNS by %s", (name) => {
  test("says that a zone is not its own", async () => {
    const { environment, api } = apis[name]!;
    const provider = providerOf(name, environment, api(new Map()));
    const foreign = { name: "_acme-challenge.example.net", value: "x" };
    await expect(provider.add(foreign, signal)).rejects.toThrow(
      /_acme-challenge\.example\.net is in/,
    );
  });
});

describe("DNS by acme-dns", () => {
  const account = {
    username: "u",
    password: "p",
    fulldomain: "d420.auth.example.org",
    subdomain: "d420",
  };

  test("updates the account whose domain the challenge leads to", async () => {
    using folder = tempFolder();
    await Bun.write(folder.file("accounts.json"), JSON.stringify({ "example.com": account }));
    const seen: string[] = [];
    const environment = {
      ACME_DNS_API_BASE: "https://auth.example.org",
      ACME_DNS_STORAGE_PATH: folder.file("accounts.json"),
    };
    const provider = providerOf("acme-dns", environment, ({ path, headers, body }) => {
      seen.push(`${path} ${headers.get("x-api-user")}:${headers.get("x-api-key")} ${body}`);
      return { json: {} };
    });
    await provider.add({ name: "d420.auth.example.org", value: "proof" }, signal);
    expect(seen).toEqual(['/update u:p {"subdomain":"d420","txt":"proof"}']);
    await expect(provider.add(record, signal)).rejects.toThrow(
      /no account in \S+ has the fulldomain/,
    );
  });
});

describe("DNS by rfc2136", () => {
  const read = (server: string): DnsProvider =>
    providerOf("rfc2136", { RFC2136_NAMESERVER: server }, () => ({}));

  test("takes a name server with or without port, and nothing else", () => {
    for (const server of ["ns1.example.com", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:53"]) {
      expect(() => read(server)).not.toThrow();
    }
    for (const server of ["http://ns1.example.com", "ns1.example.com/x", "a@b", "ns1:x", "ns1?x"]) {
      expect(() => read(server)).toThrow(
        `RFC2136_NAMESERVER must be a host with or without port, not ${server}`,
      );
    }
  });
});

describe("the zones of KAMAL_PROXY_ACME_DNS", () => {
  const context = {
    environment: { CLOUDFLARE_DNS_API_TOKEN: "a", HTTPREQ_ENDPOINT: "http://127.0.0.1:1" },
    readFile: () => "",
    http: { fetch: () => Promise.reject(new Error("not asked")), clock: systemClock },
  };
  const nameOf = (text: string, name: string): string | undefined =>
    DnsZones.read(text, context).providerFor(name)?.name;

  test("go to the longest that fits, the rest to the bare name", () => {
    const text = "cloudflare, example.com=webhook, sub.example.com = cloudflare";
    expect(nameOf(text, "www.example.com")).toBe("webhook");
    expect(nameOf(text, "example.com")).toBe("webhook");
    expect(nameOf(text, "a.sub.example.com")).toBe("cloudflare");
    expect(nameOf(text, "notexample.com")).toBe("cloudflare");
    expect(nameOf("example.com=webhook", "notexample.com")).toBeUndefined();
  });

  test.each([
    ["nothing-like-it", 'there is no provider "nothing-like-it"; known are acme-dns, cloudflare'],
    ["toString", 'there is no provider "toString"'],
    ["a.example=cloudflare,A.example.=webhook", "names two providers for a.example"],
    ["cloudflare,webhook", "names two providers for every zone"],
  ])("%p is refused", (text, message) => {
    expect(() => DnsZones.read(text, context)).toThrow(message);
  });
});
