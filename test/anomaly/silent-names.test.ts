/** Targets by names: of which name servers say nothing, that move, and what others notice of it. */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { mayMount, mountedOver } from "../support/private-mount.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { tempFolder, type TempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";

setDefaultTimeout(90_000);

/** An address of this machine that nobody else uses, for the only port that resolv.conf knows. */
const nameServer = `127.53.${(process.pid >> 8) & 255}.${(process.pid & 127) + 1}`;
const silentNames = Array.from({ length: 64 }, (_, index) => `silent-${index}.test`);

/** Every request needs a connection of its own, and so a lookup. */
function appAt(hostname: string, port = 0): Bun.Server<undefined> {
  return Bun.serve({
    hostname,
    port,
    fetch: () => new Response(hostname, { headers: { Connection: "close" } }),
  });
}

/** The median of so many requests in turn, each of which must be answered with 200. */
async function medianMs(url: string, host: string, count = 60): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    const response = await fetch(url, { headers: { Host: host } });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
    times.push(performance.now() - startedMs);
  }
  return times.toSorted((one, other) => one - other)[count >> 1]!;
}

describe.skipIf(!mayMount("/etc/resolv.conf"))("targets by names", () => {
  let dns: DnsServer;
  let folder: TempFolder;
  let proxy: ProxyProcess;
  let app: Bun.Server<undefined>;

  beforeAll(async () => {
    dns = await startDnsServer(nameServer, 53);
    folder = tempFolder();
    const resolvConf = folder.file("resolv.conf");
    writeFileSync(resolvConf, `nameserver ${nameServer}\noptions timeout:5 attempts:2\n`);
    app = appAt("127.0.0.1");
    for (const name of ["alive.test", "late.test", ...silentNames]) {
      dns.names.set(name, { A: ["127.0.0.1"] });
    }
    proxy = await ProxyProcess.start({ launcher: mountedOver("/etc/resolv.conf", resolvConf) });
    await proxy.deploy("alive", `alive.test:${app.port}`, "--host=alive.test");
  });

  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await app?.stop(true);
    folder?.[Symbol.dispose]();
    dns?.[Symbol.dispose]();
  });

  test("no request fails when a name moves while its old address is gone", async () => {
    const port = app.port!;
    await using second = appAt("127.0.0.3", port);
    let first = appAt("127.0.0.2", port);
    dns.names.set("moving.test", { A: ["127.0.0.2"] });
    await proxy.deploy("moving", `moving.test:${port}`, "--host=moving.test");
    const answer = async (): Promise<string> => {
      const response = await fetch(proxy.url, { headers: { Host: "moving.test" } });
      return `${response.status} ${await response.text()}`;
    };
    expect(await answer()).toBe("200 127.0.0.2");
    dns.names.set("moving.test", { A: ["127.0.0.3"] });
    await first.stop(true);
    for (let i = 0; i < 50; i++) expect(await answer()).toBe("200 127.0.0.3");
    first = appAt("127.0.0.2", port);
    dns.names.set("moving.test", { A: ["127.0.0.2"] });
    expect(await answer()).toBe("200 127.0.0.2");
    await first.stop(true);
    await second.stop(true);
  });

  test("a target whose name server falls silent is served where it was last", async () => {
    const port = `${app.port}`;
    await proxy.deploy("late", `late.test:${port}`, "--host=late.test");
    await medianMs(proxy.url, "late.test", 1);
    dns.names.set("late.test", "silent");
    // The first one waits a second for an answer.
    expect(await medianMs(proxy.url, "late.test", 11)).toBeLessThan(500);
    dns.names.set("late.test", { A: ["127.0.0.1"] });
  });

  test("64 names that hang, by health checks and by requests, delay nobody else", async () => {
    const quietMs = await medianMs(proxy.url, "alive.test");
    const targets = silentNames.map((name) => `--target=${name}:${app.port}`);
    const deployed = await proxy.runHere("deploy", "silent", ...targets, "--host=silent.test");
    expect(deployed.stderr).toBe("");
    for (const name of silentNames) dns.names.set(name, "silent");
    // Nobody knows their addresses any more.
    await proxy.stop();
    await proxy.startAgain();
    const abort = new AbortController();
    const hanging = Array.from({ length: 64 }, () =>
      fetch(proxy.url, { headers: { Host: "silent.test" }, signal: abort.signal }).catch(
        () => null,
      ),
    );
    const asked = (): number =>
      silentNames.filter((name) => dns.questions.lastIndexOf(`${name} A`) > 0).length;
    await waitFor(() => asked() === silentNames.length, "all names to be asked for");
    const medianOfOthersMs = await medianMs(proxy.url, "alive.test");
    const deployStartedMs = performance.now();
    await proxy.deploy("other", `alive.test:${app.port}`, "--host=other.test");
    const deployMs = performance.now() - deployStartedMs;
    // oxlint-disable-next-line no-console -- the figures of this machine
    console.info(
      `others: ${quietMs.toFixed(2)} ms quiet, ${medianOfOthersMs.toFixed(2)} ms with 64 names that hang; ` +
        `deploy ${deployMs.toFixed(0)} ms`,
    );
    // A lookup that waited for one that hangs would take seconds.
    expect(medianOfOthersMs).toBeLessThan(quietMs + 100);
    expect(deployMs).toBeLessThan(3_000);
    abort.abort();
    await Promise.all(hanging);
  });

  test("health checks of names that hang do not pile up", async () => {
    const questionsOf = (name: string): number =>
      dns.questions.filter((question) => question === `${name} A`).length;
    const next = async (): Promise<number> => {
      const before = questionsOf(silentNames[0]!);
      await waitFor(() => questionsOf(silentNames[0]!) > before, "a further question", 30_000);
      return performance.now();
    };
    await next();
    const startedMs = await next();
    // One question takes five seconds; one for each check, every second, would be there at once.
    expect((await next()) - startedMs).toBeGreaterThan(3_000);
  });
});
