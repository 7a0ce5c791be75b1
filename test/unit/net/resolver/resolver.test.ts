import { utimesSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "bun:test";
import { nameAnswerPatienceMs } from "../../../../src/config/limits.ts";
import type { DnsSettings } from "../../../../src/net/resolver/dns-settings.ts";
import { HostsFile } from "../../../../src/net/resolver/hosts-file.ts";
import { SystemResolver } from "../../../../src/net/resolver/resolver.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { type DnsServer, startDnsServer } from "../../../support/dns-server.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { tempFolder } from "../../../support/temp-folder.ts";
import { waitFor, within } from "../../../support/wait-for.ts";

function resolverOf(
  servers: (DnsServer | string)[],
  changes: Partial<DnsSettings> = {},
  hosts = "/no/such/file",
  clock = systemClock,
): SystemResolver {
  const settings: DnsSettings = {
    servers: servers.map((server) => (typeof server === "string" ? server : server.address)),
    search: [],
    ndots: 1,
    timeoutMs: 5_000,
    attempts: 1,
    ...changes,
  };
  return new SystemResolver({ clock, hosts: new HostsFile(hosts), settings: () => settings });
}

/** The addresses, or the code of the failure. */
async function resolved(
  resolver: SystemResolver,
  name: string,
): Promise<readonly string[] | string> {
  const resolution = await within(resolver.resolve(name), `the lookup of ${name}`);
  return resolution.kind === "addresses" ? resolution.addresses : resolution.code;
}

const app = { A: ["10.0.0.1"] };

describe("SystemResolver", () => {
  test("asks for both kinds of addresses; IPv4 comes before those of private IPv6 networks", async () => {
    using dns = await startDnsServer();
    dns.names.set("app", { A: ["10.0.0.2", "10.0.0.1"], AAAA: ["fd00::1", "2001:db8::1"] });
    expect(await resolved(resolverOf([dns]), "app")).toEqual([
      "2001:db8::1",
      "10.0.0.2",
      "10.0.0.1",
      "fd00::1",
    ]);
    expect(dns.questions.toSorted()).toEqual(["app A", "app AAAA"]);
  });

  test("knows names with addresses of one kind only", async () => {
    using dns = await startDnsServer();
    dns.names
      .set("four", app)
      .set("six", { AAAA: ["fd00::1"] })
      .set("neither", {});
    const resolver = resolverOf([dns]);
    expect(await resolved(resolver, "four")).toEqual(["10.0.0.1"]);
    expect(await resolved(resolver, "six")).toEqual(["fd00::1"]);
    expect(await resolved(resolver, "neither")).toBe("ENOTFOUND");
    expect(await resolved(resolver, "no-such-name")).toBe("ENOTFOUND");
  });

  test("asks anew each time, whatever the answer's time to live", async () => {
    using dns = await startDnsServer();
    const resolver = resolverOf([dns]);
    for (const address of ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) {
      dns.names.set("app", { A: [address] });
      expect(await resolved(resolver, "app")).toEqual([address]);
    }
    dns.names.delete("app");
    expect(await resolved(resolver, "app")).toBe("ENOTFOUND");
  });

  test("asks once for all that ask at the same time", async () => {
    using dns = await startDnsServer();
    dns.names.set("app", app);
    const resolver = resolverOf([dns]);
    await Promise.all(Array.from({ length: 50 }, () => resolved(resolver, "app")));
    expect(dns.questions.length).toBe(2);
  });

  test("follows aliases", async () => {
    using dns = await startDnsServer();
    dns.names.set("app", { CNAME: "real.example.com", A: ["10.0.0.1"] });
    expect(await resolved(resolverOf([dns]), "app")).toEqual(["10.0.0.1"]);
  });

  test("asks over TCP when an answer was cut off", async () => {
    using dns = await startDnsServer();
    dns.truncates = true;
    const many = Array.from({ length: 12 }, (_, index) => `10.0.0.${index + 1}`);
    dns.names.set("app", { A: many });
    expect(await resolved(resolverOf([dns]), "app")).toEqual(many);
    expect(dns.questions).toContain("app A tcp");
  });

  test.each([
    ["web", 1, ["web.one.test", "web.two.test", "web"]],
    ["web.a", 1, ["web.a", "web.a.one.test", "web.a.two.test"]],
    ["web.a", 2, ["web.a.one.test", "web.a.two.test", "web.a"]],
    ["web.", 5, ["web"]],
  ])("looks for %p with ndots %d in the search domains", async (name, ndots, expected) => {
    using dns = await startDnsServer();
    const resolver = resolverOf([dns], { search: ["one.test", "two.test"], ndots });
    expect(await resolved(resolver, name)).toBe("ENOTFOUND");
    const asked = dns.questions.filter((question) => question.endsWith(" A"));
    expect(asked.map((question) => question.slice(0, -2))).toEqual(expected);
  });

  test("takes the first form of a name that has addresses", async () => {
    using dns = await startDnsServer();
    dns.names.set("web.two.test", app).set("web.one.test", "failing");
    const resolver = resolverOf([dns], { search: ["one.test", "two.test"] });
    expect(await resolved(resolver, "web")).toEqual(["10.0.0.1"]);
  });

  test("asks the next server when one fails or says nothing, and that one first from then on", async () => {
    using silent = await startDnsServer();
    using failing = await startDnsServer();
    using good = await startDnsServer();
    silent.names.set("app", "silent");
    failing.names.set("app", "failing");
    good.names.set("app", app);
    const resolver = resolverOf([silent, failing, good], { timeoutMs: 50 });
    expect(await resolved(resolver, "app")).toEqual(["10.0.0.1"]);
    const asked = silent.questions.length;
    expect(await resolved(resolver, "app")).toEqual(["10.0.0.1"]);
    expect([silent.questions.length, asked > 0]).toEqual([asked, true]);
  });

  test("tells a name that does not exist from servers that can't tell", async () => {
    using dns = await startDnsServer();
    dns.names.set("failing", "failing").set("silent", "silent");
    const resolver = resolverOf([dns], { timeoutMs: 50 });
    expect(await resolved(resolver, "missing")).toBe("ENOTFOUND");
    expect(await resolved(resolver, "failing")).toBe("EAI_AGAIN");
    expect(await resolved(resolver, "silent")).toBe("EAI_AGAIN");
  });

  test("does not wait for one kind of addresses when the other is there", async () => {
    const asked: string[] = [];
    const resolver = new SystemResolver({
      clock: systemClock,
      hosts: new HostsFile("/no/such/file"),
      settings: () => ({ servers: ["s"], search: [], ndots: 1, timeoutMs: 60_000, attempts: 1 }),
      client: {
        ask(name, type) {
          asked.push(`${name} ${type}`);
          return type === "A"
            ? Promise.resolve({ kind: "addresses", addresses: ["10.0.0.1"] })
            : new Promise(() => {});
        },
      },
    });
    expect(await resolved(resolver, "app")).toEqual(["10.0.0.1"]);
    expect(asked).toEqual(["app. AAAA", "app. A"]);
  });

  test("uses the last good addresses while the servers are silent, at once after the first time", async () => {
    using dns = await startDnsServer();
    const clock = new ManualClock();
    dns.names.set("app", app);
    const resolver = resolverOf([dns], { timeoutMs: 200 }, undefined, clock);
    expect(await resolved(resolver, "app")).toEqual(["10.0.0.1"]);
    dns.names.set("app", "silent");
    const patient = resolver.resolve("app");
    await waitFor(() => clock.pendingTimers > 0, "somebody to wait for the answer");
    clock.advance(nameAnswerPatienceMs);
    expect(await within(patient, "the last addresses")).toEqual({
      kind: "addresses",
      addresses: ["10.0.0.1"],
    });
    // Nobody waits as long again for the same lookup.
    expect((await resolver.resolve("app")).kind).toBe("addresses");
    // The lookup itself ends without an answer; from then on nobody waits.
    await waitFor(async () => {
      const { kind } = await resolver.resolve("app");
      return kind === "addresses" && clock.pendingTimers === 0;
    }, "nobody to wait any more");
    dns.names.set("app", { A: ["10.0.0.9"] });
    await waitFor(async () => {
      const resolution = await resolver.resolve("app");
      return resolution.kind === "addresses" && resolution.addresses[0] === "10.0.0.9";
    }, "the new address");
  });

  test("looks no name up twice at a time, however often it is asked for", async () => {
    using dns = await startDnsServer();
    dns.names.set("dead", "silent");
    const resolver = resolverOf([dns], { timeoutMs: 60_000 });
    for (let i = 0; i < 200; i++) void resolver.resolve("dead");
    await waitFor(() => dns.questions.length === 2, "the questions");
    for (let i = 0; i < 200; i++) void resolver.resolve("dead");
    dns.names.set("alive", app);
    await resolved(resolver, "alive");
    expect(dns.questions.filter((question) => question.startsWith("dead")).length).toBe(2);
  });

  test("names that hang do not delay others", async () => {
    using dns = await startDnsServer();
    dns.names.set("alive", app);
    const resolver = resolverOf([dns], { timeoutMs: 60_000 });
    for (let i = 0; i < 64; i++) {
      dns.names.set(`dead-${i}`, "silent");
      void resolver.resolve(`dead-${i}`);
    }
    await waitFor(() => dns.questions.length === 128, "all questions");
    const started = performance.now();
    for (let i = 0; i < 20; i++) expect(await resolved(resolver, "alive")).toEqual(["10.0.0.1"]);
    // On a machine that does other things too; one that waits for the others takes a minute.
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test("prefers the hosts file, and reads it again when it has changed", async () => {
    using folder = tempFolder();
    const hosts = folder.file("hosts");
    writeFileSync(hosts, "# comment\n10.1.1.1 App other # app\n::1\tapp\nnonsense app\n");
    using dns = await startDnsServer();
    dns.names.set("app", app);
    const resolver = resolverOf([dns], {}, hosts);
    expect(await resolved(resolver, "APP")).toEqual(["::1", "10.1.1.1"]);
    expect(await resolved(resolver, "other.")).toEqual(["10.1.1.1"]);
    writeFileSync(hosts, "10.1.1.2 app\n");
    utimesSync(hosts, 1, 1);
    expect(await resolved(resolver, "app")).toEqual(["10.1.1.2"]);
    writeFileSync(hosts, "");
    expect(await resolved(resolver, "app")).toEqual(["10.0.0.1"]);
  });

  test("knows localhost by itself", async () => {
    const resolver = resolverOf(["127.0.0.1:1"]);
    expect(await resolved(resolver, "localhost")).toEqual(["::1", "127.0.0.1"]);
    expect(await resolved(resolver, "web.localhost")).toEqual(["::1", "127.0.0.1"]);
  });

  test("looks for no name that is too long", async () => {
    using dns = await startDnsServer();
    expect(await resolved(resolverOf([dns]), "a.".repeat(130))).toBe("ENOTFOUND");
    expect(await resolved(resolverOf([dns]), "a..b")).toBe("ENOTFOUND");
    expect(dns.questions).toEqual([]);
  });
});
