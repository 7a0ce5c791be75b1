/**
 * Which provider runs which zone, as KAMAL_PROXY_ACME_DNS says: `cloudflare` for every zone, or
 * `example.com=route53,example.org=rfc2136`, where the longest zone that fits counts and a bare name is for the rest.
 */
import { CommandError } from "../../../../config/command-error.ts";
import { AcmeDns } from "./acme-dns.ts";
import { askNameServer } from "./ask-name-server.ts";
import { CloudflareDns } from "./cloudflare.ts";
import { DigitalOceanDns } from "./digitalocean.ts";
import type { DnsProvider } from "./dns-provider.ts";
import { HetznerDns } from "./hetzner.ts";
import { ProviderContext, type ProviderContextSettings } from "./provider-context.ts";
import { Rfc2136Dns } from "./rfc2136.ts";
import { Route53Dns } from "./route53.ts";
import { WebhookDns } from "./webhook.ts";

const makers: Readonly<Record<string, (context: ProviderContext) => DnsProvider>> = {
  "acme-dns": (context) => new AcmeDns(context),
  cloudflare: (context) => new CloudflareDns(context),
  digitalocean: (context) => new DigitalOceanDns(context),
  hetzner: (context) => new HetznerDns(context),
  rfc2136: (context) => new Rfc2136Dns(context, askNameServer),
  route53: (context) => new Route53Dns(context),
  webhook: (context) => new WebhookDns(context),
};

export class DnsZones {
  /** By zone; the empty one is for every name. */
  readonly #providers: ReadonlyMap<string, DnsProvider>;

  constructor(providers: ReadonlyMap<string, DnsProvider>) {
    this.#providers = providers;
  }

  /** Throws a CommandError that names the variable at fault. */
  static read(text: string, context: Omit<ProviderContextSettings, "provider">): DnsZones {
    const byName = new Map<string, DnsProvider>();
    const byZone = new Map<string, DnsProvider>();
    for (const entry of text.split(",").map((part) => part.trim())) {
      if (entry === "") continue;
      const [zone, name] = entry.includes("=") ? splitOnce(entry, "=") : ["", entry];
      const make = Object.hasOwn(makers, name) ? makers[name]! : null;
      if (make === null) {
        const known = Object.keys(makers).join(", ");
        throw new CommandError(
          `KAMAL_PROXY_ACME_DNS: there is no provider ${JSON.stringify(name)}; known are ${known}`,
        );
      }
      const provider =
        byName.get(name) ?? make(new ProviderContext({ ...context, provider: name }));
      byName.set(name, provider);
      const key = zone.toLowerCase().replace(/^\*\.|\.$/g, "");
      if (byZone.has(key)) {
        const what = key === "" ? "every zone" : key;
        throw new CommandError(`KAMAL_PROXY_ACME_DNS names two providers for ${what}`);
      }
      byZone.set(key, provider);
    }
    return new DnsZones(byZone);
  }

  /** The provider of the zone that the name is in; null: none is configured. */
  providerFor(name: string): DnsProvider | null {
    let found: DnsProvider | null = null;
    let length = -1;
    for (const [zone, provider] of this.#providers) {
      const fits = zone === "" || name === zone || name.endsWith(`.${zone}`);
      if (!fits || zone.length <= length) continue;
      found = provider;
      length = zone.length;
    }
    return found;
  }

  /** The one that a saved record was added by; null: it is configured no more. */
  providerNamed(name: string): DnsProvider | null {
    for (const provider of this.#providers.values()) if (provider.name === name) return provider;
    return null;
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}
