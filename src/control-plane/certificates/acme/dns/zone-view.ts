/** What the name servers of a zone say: where a challenge's record belongs, and whether it is there yet. */
import { Resolver } from "node:dns/promises";
import {
  dnsPropagationPauseMs,
  dnsPropagationTimeoutMs,
  maxDnsAliases,
  maxZoneServers,
} from "../../../../config/limits.ts";
import { sleep } from "../../../../lib/sleep.ts";
import type { Clock } from "../../../../lib/clock.ts";
import { codeOf } from "../../../../lib/error-text.ts";
import { DnsProviderError, type TxtRecord, zoneCandidates } from "./dns-provider.ts";

/** Questions to the machine's own name servers, or to given ones (`address` or `address:port`). */
export interface DnsQuestions {
  cname(name: string): Promise<string[]>;
  ns(name: string): Promise<string[]>;
  addresses(name: string): Promise<string[]>;
  txt(name: string, server: string): Promise<string[]>;
}

export interface ZoneViewSettings {
  clock: Clock;
  questions: DnsQuestions;
  /** Asked in place of the zone's own name servers, which may be out of reach. */
  resolvers: readonly string[];
}

export class ZoneView {
  readonly #clock: Clock;
  readonly #questions: DnsQuestions;
  readonly #resolvers: readonly string[];

  constructor({ clock, questions, resolvers }: ZoneViewSettings) {
    this.#clock = clock;
    this.#questions = questions;
    this.#resolvers = resolvers;
  }

  /** Where the CNAMEs of a name lead; the name itself without any. */
  async target(name: string): Promise<string> {
    let found = name;
    for (let i = 0; i < maxDnsAliases; i++) {
      const [alias] = await noneOnError(this.#questions.cname(found));
      if (alias === undefined) return found;
      found = alias.toLowerCase().replace(/\.$/, "");
    }
    throw new DnsProviderError("name servers", `the CNAMEs of ${name} do not end`);
  }

  /** Resolves when every name server of the zone has the record. Rejects when it is not there in time. */
  async waitFor(record: TxtRecord, signal: AbortSignal): Promise<void> {
    const endMs = this.#clock.runningMs() + dnsPropagationTimeoutMs;
    const servers = await this.#serversOf(record.name);
    for (;;) {
      const missing = await this.#missingAt(record, servers);
      if (missing.length === 0) return;
      signal.throwIfAborted();
      if (this.#clock.runningMs() > endMs) {
        const text = `${record.name} has no TXT record ${record.value} at ${missing.join(", ")} after ${dnsPropagationTimeoutMs / 1_000} s`;
        throw new DnsProviderError("name servers", text);
      }
      await sleep(this.#clock, dnsPropagationPauseMs, signal);
    }
  }

  async #missingAt(record: TxtRecord, servers: readonly string[]): Promise<string[]> {
    const looks = servers.map(async (server) => {
      const values = await noneOnError(this.#questions.txt(record.name, server));
      return values.includes(record.value) ? null : server;
    });
    return (await Promise.all(looks)).filter((server) => server !== null);
  }

  /** Addresses of the name servers of the closest zone that has some. */
  async #serversOf(recordName: string): Promise<readonly string[]> {
    if (this.#resolvers.length > 0) return this.#resolvers;
    for (const zone of zoneCandidates(recordName)) {
      const names = await noneOnError(this.#questions.ns(zone));
      const addresses = await Promise.all(
        names.slice(0, maxZoneServers).map((name) => noneOnError(this.#questions.addresses(name))),
      );
      const found = [...new Set(addresses.flat())].slice(0, 2 * maxZoneServers);
      if (found.length > 0) return found;
    }
    throw new DnsProviderError("name servers", `no name servers are known for ${recordName}`);
  }
}

/** `servers`: in place of the machine's own, for zones that only certain ones know. */
export function systemDnsQuestions(servers: readonly string[]): DnsQuestions {
  const recursive = (): Resolver => resolverOf(servers);
  return {
    cname: (name) => recursive().resolveCname(name),
    ns: (name) => recursive().resolveNs(name),
    async addresses(name) {
      const answers = await Promise.allSettled([
        recursive().resolve4(name),
        recursive().resolve6(name),
      ]);
      // A machine without IPv6 can't ask there.
      const [v4, v6] = answers.map((answer) => (answer.status === "fulfilled" ? answer.value : []));
      return v4!.length > 0 ? v4! : v6!;
    },
    async txt(name, server) {
      const records = await resolverOf([server]).resolveTxt(name);
      return records.map((parts) => parts.join(""));
    },
  };
}

function resolverOf(servers: readonly string[]): Resolver {
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  return resolver;
}

/** No such name, no such record or no answer: not there now. */
async function noneOnError(answer: Promise<string[]>): Promise<string[]> {
  try {
    return await answer;
  } catch (error) {
    if (codeOf(error) === "") throw error;
    return [];
  }
}
