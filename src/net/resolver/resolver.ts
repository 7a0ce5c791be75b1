/**
 * The addresses of names: each name is looked up on its own, anew for each connection, and never twice at a
 * time. While its name servers say nothing, the addresses that it had last are good enough.
 */
import { maxNameLookups, maxRememberedNames, nameAnswerPatienceMs } from "../../config/limits.ts";
import type { Clock } from "../../lib/clock.ts";
import { inOrderOfTrial } from "./address-order.ts";
import { type DnsClient, systemDnsClient } from "./dns-client.ts";
import { type DnsSettingsSource, systemDnsSettings } from "./dns-settings.ts";
import { HostsFile } from "./hosts-file.ts";
import { lookUpName } from "./name-lookup.ts";
import { NameServers } from "./name-servers.ts";

export type Resolution =
  /** In the order in which they are to be tried. */
  | { kind: "addresses"; addresses: readonly string[] }
  /** Its code as `getaddrinfo` has it. */
  | { kind: "failed"; code: "ENOTFOUND" | "EAI_AGAIN" };

export interface Resolver {
  /** For names alone: an address needs no lookup. */
  resolve(name: string): Promise<Resolution>;
}

export interface ResolverOptions {
  clock: Clock;
  hosts?: HostsFile;
  settings?: DnsSettingsSource;
  client?: DnsClient;
}

interface KnownName {
  /** Null before the first good answer. */
  addresses: readonly string[] | null;
  /** The last lookup brought nothing at all. */
  silent: boolean;
  lookup: Promise<Resolution> | null;
  /** Until when the lookup is waited for although there are addresses. */
  patienceEndMs: number;
}

const unknownName: Resolution = { kind: "failed", code: "ENOTFOUND" };
const noAnswer: Resolution = { kind: "failed", code: "EAI_AGAIN" };

export class SystemResolver implements Resolver {
  readonly #clock: Clock;
  readonly #hosts: HostsFile;
  readonly #settings: DnsSettingsSource;
  readonly #servers: NameServers;
  /** Those that were looked up last come last. */
  readonly #names = new Map<string, KnownName>();
  #lookupsUnderWay = 0;

  constructor(options: ResolverOptions) {
    this.#clock = options.clock;
    this.#hosts = options.hosts ?? new HostsFile();
    this.#settings = options.settings ?? systemDnsSettings();
    this.#servers = new NameServers(options.clock, options.client ?? systemDnsClient);
  }

  async resolve(name: string): Promise<Resolution> {
    const key = name.toLowerCase();
    const fixed = this.#fixedAddresses(key.replace(/\.$/, ""));
    if (fixed.length > 0) return { kind: "addresses", addresses: inOrderOfTrial(fixed) };
    const known = this.#known(key);
    const last = known.addresses;
    if (known.lookup === null && this.#lookupsUnderWay >= maxNameLookups) {
      return last === null ? noAnswer : { kind: "addresses", addresses: last };
    }
    known.lookup ??= this.#lookUp(key, known);
    if (last === null) return known.lookup;
    const patienceMs = known.patienceEndMs - this.#clock.runningMs();
    return known.silent || patienceMs <= 0
      ? { kind: "addresses", addresses: last }
      : this.#withPatience(known.lookup, last, patienceMs);
  }

  /** RFC 6761 6.3: localhost is this machine even where no file says so. */
  #fixedAddresses(name: string): readonly string[] {
    const fixed = this.#hosts.lookup(name);
    const isLocal = name === "localhost" || name.endsWith(".localhost");
    return fixed.length === 0 && isLocal ? ["127.0.0.1", "::1"] : fixed;
  }

  async #lookUp(name: string, known: KnownName): Promise<Resolution> {
    this.#lookupsUnderWay++;
    known.patienceEndMs = this.#clock.runningMs() + nameAnswerPatienceMs;
    try {
      const answer = await lookUpName(name, this.#settings(), this.#servers, this.#clock);
      known.silent = answer.kind === "silent";
      switch (answer.kind) {
        case "addresses":
          known.addresses = inOrderOfTrial(answer.addresses);
          break;
        case "none":
          this.#names.delete(name);
          return unknownName;
        case "failed":
          return noAnswer;
        case "silent":
          if (known.addresses === null) return noAnswer;
      }
      return { kind: "addresses", addresses: known.addresses };
    } finally {
      this.#lookupsUnderWay--;
      known.lookup = null;
    }
  }

  /** The last addresses, when the lookup takes longer than a living name server does. */
  async #withPatience(
    lookup: Promise<Resolution>,
    addresses: readonly string[],
    patienceMs: number,
  ): Promise<Resolution> {
    const { promise, resolve } = Promise.withResolvers<Resolution>();
    const timer = this.#clock.after(patienceMs, () => resolve({ kind: "addresses", addresses }));
    const resolution = await Promise.race([lookup, promise]);
    timer.cancel();
    return resolution;
  }

  #known(name: string): KnownName {
    const known = this.#names.get(name) ?? {
      addresses: null,
      silent: false,
      lookup: null,
      patienceEndMs: 0,
    };
    this.#names.delete(name);
    this.#names.set(name, known);
    if (this.#names.size > maxRememberedNames) this.#names.delete(this.#names.keys().next().value!);
    return known;
  }
}
