/** A webhook for DNS challenges as an operator would write it, in front of Pebble's own name server. */
import type { Pebble } from "./pebble.ts";

export class DnsWebhook implements Disposable {
  readonly told: string[] = [];
  readonly #server: Bun.Server<undefined>;
  isBroken = false;

  constructor(pebble: Pick<Pebble, "dnsManagementUrl">) {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        if (this.isBroken) return new Response("the zone is locked", { status: 503 });
        const { fqdn, value } = (await request.json()) as { fqdn: string; value: string };
        const isAdded = new URL(request.url).pathname === "/present";
        this.told.push(`${isAdded ? "present" : "cleanup"} ${fqdn}`);
        const body = JSON.stringify({ host: fqdn, value });
        const path = isAdded ? "set-txt" : "clear-txt";
        return fetch(`${pebble.dnsManagementUrl}/${path}`, { method: "POST", body });
      },
    });
  }

  get url(): string {
    return this.#server.url.href;
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }
}
