/** Certificates on demand: a real endpoint decides, a real ACME server issues. */
import { expect, test } from "bun:test";
import type { ServiceSnapshot } from "../../src/seam/snapshot.ts";
import { AcmeStand } from "../support/acme-stand.ts";
import { findPebble, startPebble } from "../support/pebble.ts";
import { waitFor } from "../support/wait-for.ts";

const binaries = await findPebble();
const timeoutMs = 60_000;

/** Allows `good.*` and sends `moved.*` elsewhere. */
class Endpoint implements AsyncDisposable {
  readonly questions: string[] = [];
  readonly #server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const url = new URL(request.url);
      const host = url.searchParams.get("host") ?? "";
      this.questions.push(`${request.method} ${url.pathname} ${host}`);
      if (url.pathname === "/yes") return new Response("yes");
      if (host.startsWith("moved.")) return Response.redirect("/yes", 302);
      return new Response("who?", { status: host.startsWith("good.") ? 200 : 404 });
    },
  });

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/check`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

function onDemand(stand: AcmeStand, url: string): ServiceSnapshot {
  return stand.service([""], 1, { tlsOnDemandUrl: url });
}

test.skipIf(binaries === null)(
  "an on-demand certificate is issued for a host that the endpoint allows, in any case, and asked for once",
  async () => {
    await using stand = new AcmeStand();
    await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
    const settings = { directory: pebble.directoryUrl, caFiles: [pebble.caFile] };
    await using endpoint = new Endpoint();
    stand.start(settings);
    stand.manager.update([onDemand(stand, endpoint.url)]);
    const first = await stand.handshake("Good.Example.com");
    expect(first.names).toBe("DNS:good.example.com");
    expect((await stand.handshake("good.example.com")).serial).toBe(first.serial);
    expect(endpoint.questions).toEqual(["GET /check good.example.com"]);

    // Neither the endpoint nor the authority is needed for what is on the disk.
    await waitFor(() => stand.logger.find("Obtained certificate"), "the log line");
    await endpoint[Symbol.asyncDispose]();
    await pebble.stop();
    stand.start(settings);
    stand.manager.update([onDemand(stand, endpoint.url)]);
    expect((await stand.handshake("good.example.com")).serial).toBe(first.serial);
  },
  timeoutMs,
);

test.skipIf(binaries === null)(
  "an on-demand certificate is not ordered for a host that is denied or redirected",
  async () => {
    await using stand = new AcmeStand();
    await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
    await using endpoint = new Endpoint();
    stand.start({ directory: pebble.directoryUrl, caFiles: [pebble.caFile] });
    stand.manager.update([onDemand(stand, endpoint.url)]);
    for (const name of ["bad.example.com", "moved.example.com", "localhost"]) {
      expect((await stand.handshake(name)).error).toContain("ALERT");
    }
    expect(endpoint.questions).toEqual([
      "GET /check bad.example.com",
      "GET /check moved.example.com",
    ]);
    expect(pebble.log).not.toContain("POST");
    const denials = stand.logger.entries.filter(
      ({ message }) => message === "TLS on-demand check denied host",
    );
    expect(denials.map(({ fields }) => fields)).toEqual([
      { host: "bad.example.com", status: 404, body: "who?" },
      { host: "moved.example.com", status: 302, body: "" },
    ]);
  },
  timeoutMs,
);
