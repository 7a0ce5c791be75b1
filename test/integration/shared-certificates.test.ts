/** Several proxies behind one name: one order, answered and served by each of them. */
import { describe, expect, test } from "bun:test";
import { type App, startApp } from "../support/app.ts";
import { findPebble, type Pebble, startPebble } from "../support/pebble.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { redisPath, RedisServer } from "../support/redis-server.ts";
import { shakeHands } from "../support/tls-client.ts";
import { waitFor } from "../support/wait-for.ts";

const binaries = await findPebble();
const host = "app.example.com";
const timeoutMs = 150_000;

class Servers implements AsyncDisposable {
  readonly proxies: ProxyProcess[] = [];
  readonly #environment: Record<string, string>;

  private constructor(environment: Record<string, string>) {
    this.#environment = environment;
  }

  /** Pebble, which each needs, is started with the ports of one of them. */
  static async start(
    count: number,
    store: RedisServer,
    authority: (proxies: ProxyProcess[]) => Promise<Pebble>,
  ): Promise<{ servers: Servers; pebble: Pebble }> {
    const environment: Record<string, string> = {
      KAMAL_PROXY_ACME_PREFLIGHT: "off",
      KAMAL_PROXY_CERTIFICATE_STORE: store.url,
      KAMAL_PROXY_CERTIFICATE_STORE_KEY: Buffer.alloc(32, 7).toString("base64"),
    };
    const servers = new Servers(environment);
    for (let i = 0; i < count; i++) {
      servers.proxies.push(await ProxyProcess.start({ env: environment, args: ["--debug"] }));
    }
    const pebble = await authority(servers.proxies);
    servers.#environment["KAMAL_PROXY_ACME_DIRECTORY"] = pebble.directoryUrl;
    servers.#environment["KAMAL_PROXY_ACME_CA_FILE"] = pebble.caFile;
    for (const proxy of servers.proxies) {
      await proxy.stop();
      await proxy.startAgain();
    }
    return { servers, pebble };
  }

  async deploy(app: App, proxies = this.proxies): Promise<void> {
    await Promise.all(
      proxies.map((proxy) => proxy.deploy("web", app.address, `--host=${host}`, "--tls")),
    );
  }

  /** What each shows to a client of the name; null: nothing. */
  async shown(): Promise<(string | null)[]> {
    const shakes = this.proxies.map((proxy) => shakeHands(proxy.httpsPort, { name: host }));
    return (await Promise.all(shakes)).map(({ fingerprint }) => fingerprint);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }
}

describe.skipIf(binaries === null || redisPath === null)("proxies that share a store", () => {
  test.each([
    ["HTTP-01", (proxy: ProxyProcess) => ({ httpPort: proxy.httpPort })],
    ["TLS-ALPN-01", (proxy: ProxyProcess) => ({ tlsPort: proxy.httpsPort })],
  ])(
    "order a certificate once, whoever of them is validated by %s",
    async (challenge, ports) => {
      await using app = startApp(() => new Response("the app"));
      await using store = await RedisServer.start();
      const { servers, pebble } = await Servers.start(3, store, (proxies) =>
        startPebble(binaries!, ports(proxies[2]!)),
      );
      await using authority = pebble;
      await using running = servers;
      void authority;
      await running.deploy(app);
      const shown = await waitFor(async () => {
        const certificates = await running.shown();
        return certificates.every((one) => one !== null) ? certificates : null;
      }, "each to serve the name");
      expect(new Set(shown).size).toBe(1);
      const ordered = running.proxies.flatMap(({ logs }) =>
        logs.filter(({ msg }) => msg === "Obtained certificate"),
      );
      expect(ordered.map((line) => line["challenge"])).toEqual([challenge.toLowerCase()]);
      // The other challenge may have been tried before.
      expect(pebble.orders).toBeLessThanOrEqual(2);
      const keys = [...(await store.dump()).keys()];
      expect(keys.filter((key) => key.includes("challenges/"))).toEqual([]);
    },
    timeoutMs,
  );

  test(
    "finish the order of one that was killed in the middle of it",
    async () => {
      await using app = startApp(() => new Response("the app"));
      await using store = await RedisServer.start();
      const { servers, pebble } = await Servers.start(3, store, (proxies) =>
        startPebble(binaries!, {
          httpPort: proxies[1]!.httpPort,
          env: { PEBBLE_VA_NOSLEEP: "", PEBBLE_VA_SLEEPTIME: "3" },
        }),
      );
      await using authority = pebble;
      await using running = servers;
      void authority;
      // The authority asks another one than the one that orders and is killed.
      const [killed, ...others] = running.proxies;
      await running.deploy(app, [killed!]);
      await killed!.waitForLog("Ordering certificate");
      await running.deploy(app, others);
      await waitFor(
        async () => [...(await store.dump()).keys()].some((key) => key.includes("/http/")),
        "the challenge",
      );
      await killed!.stop("SIGKILL");
      const shown = await waitFor(
        async () => {
          const shakes = others.map((proxy) => shakeHands(proxy.httpsPort, { name: host }));
          const certificates = (await Promise.all(shakes)).map(({ fingerprint }) => fingerprint);
          return certificates.every((one) => one !== null) ? certificates : null;
        },
        "the others to serve the name",
        100_000,
      );
      expect(new Set(shown).size).toBe(1);
      const obtained = others.flatMap(({ logs }) =>
        logs.filter(({ msg }) => msg === "Obtained certificate"),
      );
      // None, when the other had just finished; the name is never ordered by both.
      expect(obtained.length).toBeLessThanOrEqual(1);
    },
    timeoutMs,
  );
});
