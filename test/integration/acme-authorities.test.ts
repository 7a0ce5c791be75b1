/** Several authorities, profiles, addresses, and the time of renewal as the authority wants it, at Pebble. */
import { describe, expect, test } from "bun:test";
import type { AcmeSettings } from "../../src/config/acme-settings.ts";
import { renewalId } from "../../src/control-plane/certificates/acme/renewal-info.ts";
import { acmeSettings } from "../support/acme-settings.ts";
import { AcmeStand } from "../support/acme-stand.ts";
import { findPebble, type Pebble, startPebble } from "../support/pebble.ts";
import { waitFor } from "../support/wait-for.ts";

const binaries = await findPebble();
const name = "app.example.com";
const timeoutMs = 60_000;

function settingsOf(pebble: Pebble, more: Partial<AcmeSettings> = {}): AcmeSettings {
  return acmeSettings(pebble.directoryUrl, { caFiles: [pebble.caFile], ...more });
}

describe.skipIf(binaries === null)("authorities", () => {
  test(
    "are asked in order: the second issues where the first can't be reached",
    async () => {
      await using stand = new AcmeStand();
      await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
      const dead = "https://127.0.0.1:1/dir";
      const authorities = [dead, pebble.directoryUrl].map((url) => ({
        key: url,
        url,
        externalAccount: null,
      }));
      stand.start(settingsOf(pebble, { directory: dead, authorities }));
      stand.manager.update([stand.service([name])]);
      expect((await stand.handshake(name)).names).toBe(`DNS:${name}`);
      await pebble.stop();
      stand.start(settingsOf(pebble, { directory: dead, authorities }));
      stand.manager.update([stand.service(["other.example.com"])]);
      await stand.handshake("other.example.com");
      const [described] = stand.manager.describe("web").certificates;
      expect(described?.error).toContain("127.0.0.1:1: ");
      expect(described?.error).toContain(`; 127.0.0.1:${pebble.port}: `);
    },
    timeoutMs,
  );

  test(
    "are asked for a profile, and for addresses where there is one",
    async () => {
      await using stand = new AcmeStand();
      await using pebble = await startPebble(binaries!, {
        httpPort: stand.httpPort,
        profiles: { shortlived: { description: "six days", validityPeriod: 518_400 } },
      });
      stand.start(settingsOf(pebble, { profile: "shortlived" }));
      stand.manager.update([stand.service(["127.0.0.1", name])]);
      await waitFor(() => stand.manager.all().size === 2, "both certificates", 30_000);
      const entries = stand.manager.details();
      const days = entries.map(({ expires_in_ms }) => Math.round(expires_in_ms! / 86_400_000));
      expect(days).toEqual([6, 6]);

      stand.start(settingsOf(pebble, { profile: "unheard-of" }));
      stand.manager.update([stand.service(["b.example.com"])]);
      await stand.handshake("b.example.com");
      expect(stand.manager.describe("web").certificates[0]?.error).toContain("unheard-of");
    },
    timeoutMs,
  );

  test(
    "that name a time of renewal get the certificate back then, and hear what it replaces",
    async () => {
      await using stand = new AcmeStand();
      await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
      stand.start(settingsOf(pebble));
      stand.manager.update([stand.service([name])]);
      const first = await stand.handshake(name);
      const pair = stand.manager.all().get(name)!;
      expect(renewalId(pair.certificate)).toMatch(/^[\w-]+\.[\w-]+$/);
      // The authority's window lies before the day that the dates alone would give.
      const renews = await waitFor(() => stand.manager.details()[0]?.renews, "the renewal's date");
      expect(Date.parse(renews)).toBeGreaterThan(Date.now());
      const window = {
        suggestedWindow: {
          start: new Date(Date.now() - 7_200_000).toISOString(),
          end: new Date(Date.now() - 3_600_000).toISOString(),
        },
      };
      await pebble.setRenewalInfo(pair.certificate, window);
      stand.start(settingsOf(pebble));
      stand.manager.update([stand.service([name])]);
      await waitFor(
        async () => (await stand.handshake(name)).serial !== first.serial,
        "the renewal",
        30_000,
      );
      expect(pebble.orders).toBe(2);
      // Pebble answers 500 for a certificate whose number begins with a zero byte: it is ordered without its name.
      if (first.serial!.length === 16) expect(pebble.log).toMatch(/replac/i);
    },
    timeoutMs,
  );
});
