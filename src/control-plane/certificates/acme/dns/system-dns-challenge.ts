/** The DNS challenge as the environment of `run` configures it, with real name servers and files. */
import { join } from "node:path";
import type { AcmeDnsSettings } from "../../../../config/acme-settings.ts";
import { maxSecretFileBytes } from "../../../../config/limits.ts";
import { readRegularFileSync } from "../../../../lib/regular-file.ts";
import type { Clock } from "../../../../lib/clock.ts";
import type { Logger } from "../../../../lib/logger.ts";
import type { Fetch } from "../acme-http.ts";
import { DnsChallenge } from "./dns-challenge.ts";
import { DnsZones } from "./dns-zones.ts";
import { RecordJournal } from "./record-journal.ts";
import { systemDnsQuestions, ZoneView } from "./zone-view.ts";

export interface SystemDnsChallengeContext {
  clock: Clock;
  logger: Logger;
  fetch?: Fetch;
  /** Of the journal of records. */
  folder: string;
}

/** Throws a CommandError that names the variable at fault. */
export function systemDnsChallenge(
  { zones, resolvers, environment }: AcmeDnsSettings,
  { clock, logger, fetch = globalThis.fetch, folder }: SystemDnsChallengeContext,
): DnsChallenge {
  return new DnsChallenge({
    zones: DnsZones.read(zones, {
      environment,
      readFile: (path) => readRegularFileSync(path, maxSecretFileBytes).toString(),
      http: { fetch, clock },
    }),
    view: new ZoneView({ clock, questions: systemDnsQuestions(resolvers), resolvers }),
    journal: new RecordJournal(join(folder, "dns-records.json"), logger),
    logger,
  });
}
