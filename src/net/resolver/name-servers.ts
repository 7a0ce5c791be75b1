/** One question to the name servers of the machine, in turn, until one knows. */
import type { Clock } from "../../lib/clock.ts";
import type { DnsAnswer, DnsClient, RecordType } from "./dns-client.ts";
import type { DnsSettings } from "./dns-settings.ts";

export class NameServers {
  readonly #clock: Clock;
  readonly #client: DnsClient;
  /** It answered last and is asked first, so that a dead one before it costs its time only once. */
  #preferred: string | null = null;

  constructor(clock: Clock, client: DnsClient) {
    this.#clock = clock;
    this.#client = client;
  }

  async ask(
    name: string,
    type: RecordType,
    settings: DnsSettings,
    endMs: number,
  ): Promise<DnsAnswer> {
    const servers = this.#inOrder(settings.servers);
    let outcome: DnsAnswer = { kind: "silent" };
    for (let attempt = 0; attempt < settings.attempts; attempt++) {
      for (const server of servers) {
        const leftMs = endMs - this.#clock.runningMs();
        if (leftMs <= 0) return outcome;
        const timeoutMs = Math.min(settings.timeoutMs, leftMs);
        const answer = await this.#client.ask(name, type, server, timeoutMs);
        if (answer.kind !== "silent") this.#preferred = server;
        if (answer.kind === "addresses" || answer.kind === "none") return answer;
        if (answer.kind === "failed") outcome = answer;
      }
    }
    return outcome;
  }

  #inOrder(servers: readonly string[]): readonly string[] {
    const preferred = this.#preferred;
    if (preferred === null || servers[0] === preferred || !servers.includes(preferred))
      return servers;
    return [preferred, ...servers.filter((server) => server !== preferred)];
  }
}
