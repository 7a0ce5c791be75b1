/** How the preflight of a certificate asks the outer world: real name servers, real connections. */
import type { PreflightSettings } from "../config/acme-settings.ts";
import { acmePreflightTimeoutMs, maxPreflightAnswerBytes } from "../config/limits.ts";
import type { Clock } from "../lib/clock.ts";
import { DeadlineQueue } from "../lib/deadline-queue.ts";
import type { Connector } from "../net/connector.ts";
import { type DnsAnswer, systemDnsClient } from "../net/resolver/dns-client.ts";
import type { Resolver } from "../net/resolver/resolver.ts";
import { joinHostPort } from "../net/socket-address.ts";
import type { PreflightWays } from "./certificates/automatic/preflight.ts";
import { HealthRequest } from "./health/health-request.ts";

export function preflightWays(
  { port, resolvers }: PreflightSettings,
  { clock, resolver, connector }: { clock: Clock; resolver: Resolver; connector: Connector },
): PreflightWays {
  const connecting = new DeadlineQueue(clock, acmePreflightTimeoutMs);
  return {
    port,
    addressesOf: (name) =>
      resolvers.length > 0 ? askServers(name, resolvers) : askSystem(name, resolver),
    async ask({ address, port, host, path }, signal) {
      const url = `http://${joinHostPort(address, port)}${path}`;
      const hostField = port === 80 ? host : joinHostPort(host, port);
      const endpoint = { protocol: "http", secure: false, host: address, port, path } as const;
      const request = new HealthRequest(
        { ...endpoint, hostField, url },
        signal,
        maxPreflightAnswerBytes,
      );
      const answer = await request.send(connector, connecting);
      return typeof answer === "string" ? answer : { ...answer, body: request.body.toString() };
    },
  };
}

/** As a full name: the search domains of this machine are nobody else's. */
async function askSystem(name: string, resolver: Resolver): Promise<readonly string[] | null> {
  const found = await resolver.resolve(`${name}.`);
  if (found.kind === "addresses") return found.addresses;
  return found.code === "ENOTFOUND" ? [] : null;
}

/** The first that can tell. */
async function askServers(
  name: string,
  servers: readonly string[],
): Promise<readonly string[] | null> {
  for (const server of servers) {
    const ask = (type: "A" | "AAAA"): Promise<DnsAnswer> =>
      systemDnsClient.ask(name, type, server, acmePreflightTimeoutMs);
    const answers = await Promise.all([ask("A"), ask("AAAA")]);
    if (answers.some(({ kind }) => kind === "addresses" || kind === "none")) {
      return answers.flatMap((each) => (each.kind === "addresses" ? each.addresses : []));
    }
  }
  return null;
}
