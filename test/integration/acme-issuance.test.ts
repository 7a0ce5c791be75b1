/** Certificates from a real ACME server, validated over real ports. */
import { expect, test } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { directoryKey } from "../../src/control-plane/certificates/storage/certificate-cache.ts";
import type { AcmeSettings } from "../../src/config/acme-settings.ts";
import { acmeSettings } from "../support/acme-settings.ts";
import { AcmeStand } from "../support/acme-stand.ts";
import { findPebble, type Pebble, startPebble } from "../support/pebble.ts";
import { waitFor } from "../support/wait-for.ts";

const binaries = await findPebble();
const timeoutMs = 60_000;
const acmeTest = (title: string, body: () => Promise<void>): void =>
  test.skipIf(binaries === null)(title, body, timeoutMs);
const name = "app.example.com";

function settingsOf({ directoryUrl, caFile }: Pebble): Partial<AcmeSettings> {
  return acmeSettings(directoryUrl, { caFiles: [caFile] });
}

/** Waits for the file that ends an issuance. */
async function saved(stand: AcmeStand, pebble: Pebble): Promise<string> {
  const folder = join(stand.folder.path, directoryKey(pebble.directoryUrl));
  await waitFor(() => readdirSync(folder).includes(name), "the saved certificate");
  return folder;
}

acmeTest("one order by HTTP-01 answers all handshakes that wait for a name", async () => {
  await using stand = new AcmeStand();
  await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
  stand.start(settingsOf(pebble));
  stand.manager.update([stand.service([name])]);
  const results = await Promise.all(Array.from({ length: 12 }, () => stand.handshake(name)));
  expect(results[0]?.names).toBe(`DNS:${name}`);
  expect(new Set(results.map(({ serial }) => serial)).size).toBe(1);
  expect(pebble.orders).toBe(1);
  expect(stand.logger.find("Obtained certificate")?.fields).toMatchObject({
    host: name,
    challenge: "http-01",
  });
  const folder = await saved(stand, pebble);
  expect(readdirSync(folder).toSorted()).toEqual(["acme_account+key", name]);
});

acmeTest("a deploy obtains the certificate without any handshake", async () => {
  await using stand = new AcmeStand();
  await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
  stand.start(settingsOf(pebble));
  stand.manager.update([stand.service([name])]);
  await waitFor(() => stand.manager.all().has(name), "the certificate");
  expect(pebble.orders).toBe(1);
});

acmeTest("TLS-ALPN-01 is used when HTTP-01 can't be validated", async () => {
  await using stand = new AcmeStand();
  await using pebble = await startPebble(binaries!, { tlsPort: stand.tlsPort });
  stand.start(settingsOf(pebble));
  stand.manager.update([stand.service([name])]);
  expect((await stand.handshake(name)).names).toBe(`DNS:${name}`);
  expect(pebble.orders).toBe(2);
  expect(stand.manager.isChallenge(name)).toBe(false);
  expect(stand.logger.find("Obtained certificate")?.fields["challenge"]).toBe("tls-alpn-01");
});

acmeTest(
  "a name that can't be validated is refused, tells why, and is left alone for a while",
  async () => {
    await using stand = new AcmeStand();
    await using pebble = await startPebble(binaries!);
    stand.start(settingsOf(pebble));
    stand.manager.update([stand.service([name])]);
    const handshakes = await Promise.all([stand.handshake(name), stand.handshake(name)]);
    for (const { serial, error } of handshakes) {
      expect(serial).toBeNull();
      expect(error).toContain("ALERT");
    }
    expect((await stand.handshake(name)).serial).toBeNull();
    expect(pebble.orders).toBe(2);
    const [entry, ...others] = stand.logger.entries.filter(({ level }) => level === "error");
    expect(entry).toMatchObject({
      message: "Unable to obtain certificate",
      fields: { host: name },
    });
    expect(String(entry?.fields["error"])).toMatch(/http-01: connection.*; tls-alpn-01: /);
    expect(others).toEqual([]);
    expect(stand.manager.describe("web").certificates[0]?.error).toContain("http-01");
  },
);

acmeTest(
  "a name that the authority rejects costs one order, and a redeploy tries again",
  async () => {
    await using stand = new AcmeStand();
    await using pebble = await startPebble(binaries!, {
      httpPort: stand.httpPort,
      blockedNames: [name],
    });
    stand.start(settingsOf(pebble));
    stand.manager.update([stand.service([name])]);
    expect((await stand.handshake(name)).serial).toBeNull();
    expect((await stand.handshake(name)).serial).toBeNull();
    expect(pebble.orderRequests).toBe(1);
    expect(stand.manager.describe("web").certificates[0]?.error).toContain("rejectedIdentifier");
    stand.manager.update([stand.service([name], 2)]);
    expect((await stand.handshake(name)).serial).toBeNull();
    expect(pebble.orderRequests).toBe(2);
  },
);

acmeTest("names that no service has never reach the authority", async () => {
  await using stand = new AcmeStand();
  await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
  stand.start(settingsOf(pebble));
  const files = { tlsEnabled: false };
  stand.manager.update([stand.service([name], 1, files)]);
  for (const each of [name, `sub.${name}`, "other.example.com"]) {
    expect((await stand.handshake(each)).error).toContain("ALERT");
  }
  expect(pebble.log).not.toContain("POST");
});

acmeTest("a name longer than a common name may be is certified as well", async () => {
  await using stand = new AcmeStand();
  await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
  const long = `${"a".repeat(60)}.${"b".repeat(40)}.example.com`;
  stand.start(settingsOf(pebble));
  stand.manager.update([stand.service([long])]);
  expect((await stand.handshake(long)).names).toBe(`DNS:${long}`);
});

acmeTest("refused nonces are repeated", async () => {
  await using stand = new AcmeStand();
  await using pebble = await startPebble(binaries!, {
    httpPort: stand.httpPort,
    nonceRejectPercent: 50,
  });
  stand.start(settingsOf(pebble));
  const names = Array.from({ length: 4 }, (_, index) => `app${index}.example.com`);
  stand.manager.update([stand.service(names)]);
  const results = await Promise.all(names.map((each) => stand.handshake(each)));
  expect(results.map(({ names }) => names)).toEqual(names.map((each) => `DNS:${each}`));
});

acmeTest("an authority that is busy is asked again when it says so", async () => {
  await using stand = new AcmeStand();
  await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
  const refusals: number[] = [];
  const grants: number[] = [];
  stand.start(settingsOf(pebble), {
    fetch: async (url, init) => {
      if (!url.endsWith("/order-plz")) return await fetch(url, init);
      if (refusals.push(performance.now()) <= 1) {
        return new Response("later", { status: 503, headers: { "retry-after": "2" } });
      }
      grants.push(performance.now());
      return await fetch(url, init);
    },
  });
  stand.manager.update([stand.service([name])]);
  expect((await stand.handshake(name)).names).toBe(`DNS:${name}`);
  expect(grants[0]! - refusals[0]!).toBeGreaterThan(1_990);
  expect(pebble.orders).toBe(1);
});

acmeTest("an account can be bound to an external one", async () => {
  await using stand = new AcmeStand();
  const hmacKey = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
  await using pebble = await startPebble(binaries!, {
    httpPort: stand.httpPort,
    externalAccounts: { "kid-1": hmacKey },
  });
  stand.start(settingsOf(pebble));
  stand.manager.update([stand.service([name])]);
  expect((await stand.handshake(name)).serial).toBeNull();
  expect(stand.manager.describe("web").certificates[0]?.error).toContain("externalAccountRequired");

  stand.start({
    ...settingsOf(pebble),
    email: "ops@example.com",
    authorities: [
      {
        key: pebble.directoryUrl,
        url: pebble.directoryUrl,
        externalAccount: { keyId: "kid-1", hmacKey },
      },
    ],
  });
  stand.manager.update([stand.service([name])]);
  expect((await stand.handshake(name)).names).toBe(`DNS:${name}`);
});

acmeTest("a saved certificate needs no authority after a restart", async () => {
  await using stand = new AcmeStand();
  await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
  stand.start(settingsOf(pebble));
  stand.manager.update([stand.service([name])]);
  const { serial } = await stand.handshake(name);
  await saved(stand, pebble);
  await pebble.stop();
  stand.start(settingsOf(pebble));
  stand.manager.update([stand.service([name])]);
  expect((await stand.handshake(name)).serial).toBe(serial);
});

acmeTest(
  "an authority that is down fails the handshake, with host and reason in one line",
  async () => {
    await using stand = new AcmeStand();
    await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
    await pebble.stop();
    stand.start(settingsOf(pebble));
    stand.manager.update([stand.service([name])]);
    expect((await stand.handshake(name)).error).toContain("ALERT");
    const entry = stand.logger.find("Unable to obtain certificate");
    expect(entry?.fields["host"]).toBe(name);
    expect(String(entry?.fields["error"])).toMatch(
      /https:\/\/127\.0\.0\.1:\d+ could not be asked: .*ECONNREFUSED/,
    );
  },
);

acmeTest("an authority that is not trusted gets no request", async () => {
  await using stand = new AcmeStand();
  await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
  const before = pebble.log.split("GET /dir").length;
  stand.start({ directory: pebble.directoryUrl });
  stand.manager.update([stand.service([name])]);
  expect((await stand.handshake(name)).serial).toBeNull();
  expect(pebble.log.split("GET /dir").length).toBe(before);
  expect(stand.manager.describe("web").certificates[0]?.error).toMatch(/certificate/i);
});

acmeTest("an authorization that is still valid needs no challenge", async () => {
  await using stand = new AcmeStand();
  await using pebble = await startPebble(binaries!, {
    httpPort: stand.httpPort,
    reusePercent: 100,
  });
  stand.start(settingsOf(pebble));
  stand.manager.update([stand.service([name])]);
  const { serial } = await stand.handshake(name);
  rmSync(join(await saved(stand, pebble), name));
  const challenges = pebble.log.split("POST /chalZ/").length;
  stand.start(settingsOf(pebble));
  stand.manager.update([stand.service([name])]);
  const again = await stand.handshake(name);
  expect(again.names).toBe(`DNS:${name}`);
  expect(again.serial).not.toBe(serial);
  expect(pebble.log.split("POST /chalZ/").length).toBe(challenges);
});

acmeTest("an account that the authority has forgotten is registered again", async () => {
  await using stand = new AcmeStand();
  await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
  const { port } = pebble;
  stand.start(settingsOf(pebble));
  stand.manager.update([stand.service([name])]);
  await stand.handshake(name);
  await pebble.stop();
  await using other = await startPebble(binaries!, { httpPort: stand.httpPort, port });
  // Another run of it has another certificate for itself.
  await Bun.write(pebble.caFile, Bun.file(other.caFile));
  stand.manager.update([stand.service([name, "second.example.com"], 2)]);
  expect((await stand.handshake("second.example.com")).names).toBe("DNS:second.example.com");
});

acmeTest(
  "certificates that live for seconds are kept fresh without a failed handshake",
  async () => {
    await using stand = new AcmeStand();
    await using pebble = await startPebble(binaries!, {
      httpPort: stand.httpPort,
      lifetimeSeconds: 6,
    });
    stand.start(settingsOf(pebble));
    stand.manager.update([stand.service([name])]);
    const serials = new Set<string | null>();
    await waitFor(
      async () => {
        const { serial } = await stand.handshake(name);
        expect(serial).not.toBeNull();
        serials.add(serial);
        return serials.size === 3;
      },
      "two renewals",
      25_000,
    );
    expect(stand.logger.messages("error")).toEqual([]);
    expect(pebble.orders).toBe(3);
  },
);
