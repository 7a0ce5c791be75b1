/** One lookup of one name: its search domains, and both kinds of addresses of each. */
import { maxNameBytes, nameLookupTimeoutMs, secondFamilyPatienceMs } from "../../config/limits.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import type { DnsAnswer } from "./dns-client.ts";
import type { DnsSettings } from "./dns-settings.ts";
import type { NameServers } from "./name-servers.ts";

/** Ends in time, whatever the servers do. */
export async function lookUpName(
  name: string,
  settings: DnsSettings,
  servers: NameServers,
  clock: Clock,
): Promise<DnsAnswer> {
  const endMs = clock.runningMs() + nameLookupTimeoutMs;
  let outcome: DnsAnswer = { kind: "none" };
  for (const candidate of candidatesOf(name, settings)) {
    const answer = await bothFamilies(candidate, settings, servers, clock, endMs);
    // Servers that say nothing to one form of a name would be waited for again with the next.
    if (answer.kind === "addresses" || answer.kind === "silent") return answer;
    if (answer.kind === "failed") outcome = answer;
  }
  return outcome;
}

/** The full names that a name may stand for, in the order in which they are tried. */
export function candidatesOf(name: string, { search, ndots }: DnsSettings): string[] {
  if (name.endsWith(".")) return [name].filter(isPossible);
  const asItIs = `${name}.`;
  const searched = search.map((domain) => `${name}.${domain}.`);
  const dots = name.split(".").length - 1;
  const all = dots >= ndots ? [asItIs, ...searched] : [...searched, asItIs];
  return all.filter(isPossible);
}

function isPossible(name: string): boolean {
  return name.length <= maxNameBytes;
}

/** When one kind is there, the other has only a moment left (RFC 8305 3). */
async function bothFamilies(
  name: string,
  settings: DnsSettings,
  servers: NameServers,
  clock: Clock,
  endMs: number,
): Promise<DnsAnswer> {
  const answers: DnsAnswer[] = [];
  const moment = Promise.withResolvers<void>();
  let timer = null as Timer | null;
  const asked = (["AAAA", "A"] as const).map(async (type) => {
    const answer = await servers.ask(name, type, settings, endMs);
    answers.push(answer);
    if (answer.kind === "addresses")
      timer ??= clock.after(secondFamilyPatienceMs, () => moment.resolve());
  });
  await Promise.race([Promise.all(asked), moment.promise]);
  timer?.cancel();
  return joined(answers);
}

function joined(answers: readonly DnsAnswer[]): DnsAnswer {
  const addresses = answers.flatMap((answer) =>
    answer.kind === "addresses" ? answer.addresses : [],
  );
  if (addresses.length > 0) return { kind: "addresses", addresses };
  const kinds = answers.map(({ kind }) => kind);
  if (kinds.includes("failed")) return { kind: "failed" };
  return { kind: kinds.includes("silent") ? "silent" : "none" };
}
