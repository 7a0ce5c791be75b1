/** DNS-01's records at a real name server. */
import { describe, expect, test } from "bun:test";
import { DnsChallenge } from "../../src/control-plane/certificates/acme/dns/dns-challenge.ts";
import { DnsZones } from "../../src/control-plane/certificates/acme/dns/dns-zones.ts";
import { RecordJournal } from "../../src/control-plane/certificates/acme/dns/record-journal.ts";
import {
  systemDnsQuestions,
  ZoneView,
} from "../../src/control-plane/certificates/acme/dns/zone-view.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { type BindServer, bindPath, startBind } from "../support/bind-server.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { tempFolder, type TempFolder } from "../support/temp-folder.ts";

const zone = "kamal.test";
const signal = new AbortController().signal;

interface Stand {
  challenge: DnsChallenge;
  logger: RecordingLogger;
}

function standBefore(server: BindServer, folder: TempFolder, key = server.key): Stand {
  const logger = new RecordingLogger();
  const zones = DnsZones.read(`${zone}=rfc2136`, {
    environment: {
      RFC2136_NAMESERVER: server.address,
      RFC2136_TSIG_KEY: key.name,
      RFC2136_TSIG_SECRET: key.secret,
    },
    readFile: () => "",
    http: { fetch: () => Promise.reject(new Error("no HTTP")), clock: systemClock },
  });
  const view = new ZoneView({
    clock: systemClock,
    questions: systemDnsQuestions([server.address]),
    resolvers: [server.address],
  });
  const journal = new RecordJournal(folder.file("dns-records.json"), logger);
  return { challenge: new DnsChallenge({ zones, view, journal, logger }), logger };
}

describe.skipIf(bindPath === null)("the DNS challenge at BIND (Debian's package bind9)", () => {
  test("adds the record, and removes it behind the order", async () => {
    using folder = tempFolder();
    await using server = await startBind(zone);
    const { challenge } = standBefore(server, folder);
    const name = `_acme-challenge.www.${zone}`;
    {
      await using first = await challenge.answer(`www.${zone}`, "one", signal);
      await using second = await challenge.answer(`*.www.${zone}`, "two", signal);
      void [first, second];
      expect(await server.txt(name)).toEqual(["one", "two"].toSorted());
    }
    expect(await server.txt(name)).toEqual([]);
  });

  test("follows the CNAME of a challenge to where its record belongs", async () => {
    using folder = tempFolder();
    await using server = await startBind(zone, [
      `_acme-challenge.app CNAME app.challenges.${zone}.`,
    ]);
    const { challenge } = standBefore(server, folder);
    {
      await using answer = await challenge.answer(`app.${zone}`, "one", signal);
      void answer;
      expect(await server.txt(`app.challenges.${zone}`)).toEqual(["one"]);
    }
    expect(await server.txt(`app.challenges.${zone}`)).toEqual([]);
  });

  test("removes what an earlier run has left behind", async () => {
    using folder = tempFolder();
    await using server = await startBind(zone);
    await standBefore(server, folder).challenge.answer(`a.${zone}`, "left", signal);
    expect(await server.txt(`_acme-challenge.a.${zone}`)).toEqual(["left"]);
    const { challenge } = standBefore(server, folder);
    await challenge.cleanUp();
    expect(await server.txt(`_acme-challenge.a.${zone}`)).toEqual([]);
    expect(await Bun.file(folder.file("dns-records.json")).exists()).toBe(false);
  });

  test("tells what the server said of a wrong key, of an unknown one and of a foreign zone", async () => {
    using folder = tempFolder();
    await using server = await startBind(zone);
    const wrong = { ...server.key, secret: btoa("another secret") };
    await expect(
      standBefore(server, folder, wrong).challenge.answer(`a.${zone}`, "x", signal),
    ).rejects.toThrow(/refused to change _acme-challenge\.a\.kamal\.test: BADSIG/);
    const unknown = { ...server.key, name: "nobody" };
    await expect(
      standBefore(server, folder, unknown).challenge.answer(`a.${zone}`, "x", signal),
    ).rejects.toThrow(/refused to change _acme-challenge\.a\.kamal\.test: BADKEY/);
    await expect(
      standBefore(server, folder).challenge.answer("a.example.net", "x", signal),
    ).rejects.toThrow(/KAMAL_PROXY_ACME_DNS has no provider for _acme-challenge\.a\.example\.net/);
  });
});
