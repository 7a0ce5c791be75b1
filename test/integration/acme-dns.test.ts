/** Certificates by DNS-01 from a real ACME server: wildcards, and what takes them. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { systemDnsChallenge } from "../../src/control-plane/certificates/acme/dns/system-dns-challenge.ts";
import type { DnsChallenge } from "../../src/control-plane/certificates/acme/dns/dns-challenge.ts";
import { directoryKey } from "../../src/control-plane/certificates/storage/certificate-cache.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { acmeSettings } from "../support/acme-settings.ts";
import { AcmeStand } from "../support/acme-stand.ts";
import { bindPath, startBind } from "../support/bind-server.ts";
import { DnsWebhook } from "../support/dns-webhook.ts";
import { findPebble, type Pebble, startPebble } from "../support/pebble.ts";
import { waitFor } from "../support/wait-for.ts";

const binaries = await findPebble();
const timeoutMs = 60_000;

function dnsOf(
  stand: AcmeStand,
  zones: string,
  resolver: string,
  environment: Record<string, string>,
): DnsChallenge {
  return systemDnsChallenge(
    { zones, resolvers: [resolver], environment },
    { clock: systemClock, logger: stand.logger, folder: stand.folder.path },
  );
}

function startWith(stand: AcmeStand, pebble: Pebble, dns: DnsChallenge): void {
  stand.start(acmeSettings(pebble.directoryUrl, { caFiles: [pebble.caFile] }), { dns });
}

describe.skipIf(binaries === null)("DNS-01", () => {
  test(
    "gets a wildcard, which the names below it take instead of orders of their own",
    async () => {
      await using stand = new AcmeStand();
      await using pebble = await startPebble(binaries!);
      using webhook = new DnsWebhook(pebble);
      const dns = dnsOf(stand, "webhook", pebble.dnsServer, { HTTPREQ_ENDPOINT: webhook.url });
      startWith(stand, pebble, dns);
      stand.manager.update([stand.service(["*.example.com", "www.example.com"])]);
      await waitFor(() => stand.manager.all().has("*.example.com"), "the wildcard", 30_000);
      expect((await stand.handshake("any.example.com")).names).toBe("DNS:*.example.com");
      expect((await stand.handshake("www.example.com")).names).toBe("DNS:*.example.com");
      expect((await stand.handshake("a.b.example.com")).serial).toBeNull();
      expect(pebble.orders).toBe(1);
      expect(stand.logger.find("Obtained certificate")?.fields).toMatchObject({
        host: "*.example.com",
        challenge: "dns-01",
      });
      const record = "_acme-challenge.example.com.";
      expect(webhook.told).toEqual([`present ${record}`, `cleanup ${record}`]);
    },
    timeoutMs,
  );

  test(
    "is served again from the disk after a restart",
    async () => {
      await using stand = new AcmeStand();
      await using pebble = await startPebble(binaries!);
      using webhook = new DnsWebhook(pebble);
      const dns = dnsOf(stand, "webhook", pebble.dnsServer, { HTTPREQ_ENDPOINT: webhook.url });
      startWith(stand, pebble, dns);
      stand.manager.update([stand.service(["*.example.com"])]);
      const saved = join(stand.folder.path, directoryKey(pebble.directoryUrl), "*.example.com");
      await waitFor(() => Bun.file(saved).exists(), "the saved wildcard");
      const before = await stand.handshake("a.example.com");
      startWith(stand, pebble, dns);
      stand.manager.update([stand.service(["*.example.com"])]);
      expect((await stand.handshake("b.example.com")).serial).toBe(before.serial);
      expect(pebble.orders).toBe(1);
    },
    timeoutMs,
  );

  test(
    "that fails leaves exact names to the other ways, and says why a wildcard has none",
    async () => {
      await using stand = new AcmeStand();
      await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
      using webhook = new DnsWebhook(pebble);
      webhook.isBroken = true;
      const dns = dnsOf(stand, "webhook", pebble.dnsServer, { HTTPREQ_ENDPOINT: webhook.url });
      startWith(stand, pebble, dns);
      stand.manager.update([stand.service(["app.example.com", "*.example.org"])]);
      expect((await stand.handshake("app.example.com")).names).toBe("DNS:app.example.com");
      expect((await stand.handshake("a.example.org")).serial).toBeNull();
      const [described] = stand.manager
        .describe("web")
        .certificates.filter(({ name }) => name === "*.example.org");
      expect(described?.error).toContain(
        "dns-01: DNS by webhook: POST /present was answered 503: the zone is locked",
      );
    },
    timeoutMs,
  );

  test.skipIf(bindPath === null)(
    "goes through a name server that takes updates (BIND)",
    async () => {
      await using stand = new AcmeStand();
      await using bind = await startBind("kamal.test");
      await using pebble = await startPebble(binaries!, { dnsServer: bind.address });
      const dns = dnsOf(stand, "kamal.test=rfc2136", bind.address, {
        RFC2136_NAMESERVER: bind.address,
        RFC2136_TSIG_KEY: bind.key.name,
        RFC2136_TSIG_SECRET: bind.key.secret,
      });
      startWith(stand, pebble, dns);
      stand.manager.update([stand.service(["*.kamal.test"])]);
      await waitFor(() => stand.manager.all().has("*.kamal.test"), "the wildcard", 30_000);
      expect((await stand.handshake("any.kamal.test")).names).toBe("DNS:*.kamal.test");
      expect(await bind.txt("_acme-challenge.kamal.test")).toEqual([]);
    },
    timeoutMs,
  );
});
