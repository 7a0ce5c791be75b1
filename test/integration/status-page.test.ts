/** The status page over its sockets: who may look, what is told, and that looking changes nothing. */
import { describe, expect, test } from "bun:test";
import { statusLimits } from "../../src/config/operator-limits.ts";
import type { PageState } from "../../src/control-plane/status/page-state.ts";
import type { PageHistory } from "../../src/control-plane/status/status-feed.ts";
import { changed } from "../../src/status-page/changes.ts";
import { startApp } from "../support/app.ts";
import { eventsOf, type SentEvent, startStatusSite } from "../support/status-site.ts";
import { waitFor, within } from "../support/wait-for.ts";

type Wanted = (event: SentEvent) => boolean;

async function eventThat(
  events: AsyncGenerator<SentEvent>,
  what: string,
  wanted: Wanted,
): Promise<SentEvent> {
  const search = async (): Promise<SentEvent> => {
    for (;;) {
      const { value, done } = await events.next();
      if (done === true) throw new Error(`the events ended before ${what}`);
      if (wanted(value)) return value;
    }
  };
  return await within(search(), what);
}

/** Of all points of the history. */
async function requestsIn(url: string): Promise<number> {
  const { names, at, figures } = (await (await fetch(`${url}/api/history`)).json()) as PageHistory;
  const requests = figures[names.indexOf("status2xx")]!;
  expect(at).toHaveLength(requests.length);
  return requests.reduce<number>((sum, rate) => sum + (rate ?? 0), 0);
}

describe("the status page", () => {
  test("is off without a port, and listens on this machine alone", async () => {
    await using site = await startStatusSite();
    const line = await site.proxy.waitForLog("Status page enabled");
    expect(line["address"]).toBe(`127.0.0.1:${site.port}`);
    expect(site.proxy.logs.map(({ msg }) => msg)).not.toContain(
      "The status page can be seen by others, and asks for no password",
    );
  });

  test("is a page of its own files, which nobody may frame, and that may load nothing else", async () => {
    await using site = await startStatusSite();
    const page = await fetch(site.url);
    const html = await page.text();
    expect(page.status).toBe(200);
    const policy = page.headers.get("content-security-policy")!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    expect(page.headers.get("x-frame-options")).toBe("DENY");
    // Nothing from elsewhere, nothing inline.
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(html).not.toMatch(/<style|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=/i);
    const parts = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => path!);
    expect(parts).toContain("main.js");
    for (const part of parts) {
      const { status, headers } = await fetch(`${site.url}/${part}`);
      expect([part, status, headers.get("x-content-type-options")]).toEqual([part, 200, "nosniff"]);
    }
    const again = await fetch(`${site.url}/page.css`, {
      headers: { "If-None-Match": (await fetch(`${site.url}/page.css`)).headers.get("etag")! },
    });
    expect(again.status).toBe(304);
    expect((await fetch(`${site.url}/../../etc/passwd`)).status).toBe(404);
    expect((await fetch(`${site.url}/page-files.ts`)).status).toBe(404);
  });

  test("changes nothing: other methods are refused, wherever they go", async () => {
    await using site = await startStatusSite();
    for (const path of ["/", "/api/state", "/api/events", "/none"]) {
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        const { status, headers } = await fetch(site.url + path, { method });
        expect([method, path, status, headers.get("allow")]).toEqual([
          method,
          path,
          405,
          "GET, HEAD",
        ]);
      }
    }
    expect((await fetch(site.url, { method: "HEAD" })).status).toBe(200);
  });

  test("is not for names that somebody may have pointed here, but for those that are told", async () => {
    await using site = await startStatusSite({ KAMAL_PROXY_STATUS_HOSTS: "status.internal" });
    const asked = async (host: string) =>
      (await fetch(`${site.url}/api/state`, { headers: { Host: host } })).status;
    expect(await asked(`evil.example.com:${site.port}`)).toBe(421);
    expect(await asked(`localhost:${site.port}`)).toBe(200);
    expect(await asked("status.internal")).toBe(200);
  });

  test("is not asked by pages of other sites, which may lead to it", async () => {
    await using site = await startStatusSite();
    const asked = async (from: string, mode: string): Promise<number> => {
      const headers = { "Sec-Fetch-Site": from, "Sec-Fetch-Mode": mode };
      const response = await fetch(`${site.url}/api/events`, { headers });
      await response.body?.cancel();
      return response.status;
    };
    expect(await asked("cross-site", "cors")).toBe(403);
    expect(await asked("same-site", "no-cors")).toBe(403);
    expect(await asked("cross-site", "navigate")).toBe(200);
    expect(await asked("same-origin", "cors")).toBe(200);
    expect(await asked("none", "navigate")).toBe(200);
  });

  test("asks for a password where one is set, with the hashes of the policies", async () => {
    const hash = await Bun.password.hash("right", { algorithm: "bcrypt", cost: 4 });
    await using site = await startStatusSite({
      KAMAL_PROXY_STATUS_AUTH: `ann:${hash}`,
      KAMAL_PROXY_STATUS_BIND: "0.0.0.0",
    });
    const asked = async (path: string, user?: string) => {
      const headers = user === undefined ? {} : { Authorization: `Basic ${btoa(user)}` };
      return await fetch(site.url + path, { headers });
    };
    for (const path of ["/", "/page.css", "/api/state", "/api/history", "/api/events", "/none"]) {
      const refused = await asked(path);
      expect([path, refused.status]).toEqual([path, 401]);
      expect(refused.headers.get("www-authenticate")).toStartWith("Basic ");
    }
    expect((await asked("/", "ann:wrong")).status).toBe(401);
    expect((await asked("/", "bob:right")).status).toBe(401);
    expect((await asked("/api/state", "ann:right")).status).toBe(200);
    for (let i = 0; i < 12; i++) await asked("/", `ann:guess${i}`);
    expect((await asked("/", "ann:guess")).status).toBe(429);
    expect(site.proxy.logs.map(({ msg }) => msg)).not.toContain(
      "The status page can be seen by others, and asks for no password",
    );
  });

  test("warns when everybody on the network may look", async () => {
    await using site = await startStatusSite({ KAMAL_PROXY_STATUS_BIND: "0.0.0.0" });
    await site.proxy.waitForLog("The status page can be seen by others, and asks for no password");
  });

  test("tells of services, deploys and requests, live and afterwards", async () => {
    await using app = startApp(() => new Response("hello"));
    await using site = await startStatusSite();
    const response = await fetch(`${site.url}/api/events`);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const events = eventsOf(response);
    const first = await eventThat(events, "the first state", ({ name }) => name === "state");
    expect(first.data.services).toEqual([]);
    await site.proxy.deploy("web", app.address, "--host=app.example.com");
    let state = first.data as PageState;
    await eventThat(events, "the deploy", ({ name, data }) => {
      if (name === "change") state = changed(state, data);
      return state.events.some(({ kind, outcome }) => kind === "deploy" && outcome === "good");
    });
    expect(state.services[0]).toMatchObject({
      name: "web",
      hosts: ["app.example.com"],
      targets: [{ target: app.address, state: "healthy", last_error: null }],
    });
    expect(state.events.at(-1)).toMatchObject({
      kind: "deploy",
      service: "web",
      text: `Deployed ${app.address}`,
    });
    for (let i = 0; i < 20; i++) {
      await fetch(site.proxy.url, { headers: { Host: "app.example.com" } });
    }
    await eventThat(events, "the rate of requests", ({ name, data }) => {
      return name === "tick" && data.services.web?.[0] > 0 && data.services.web[8] > 0;
    });
    await waitFor(async () => (await requestsIn(site.url)) > 0, "a point with requests");
    await events.return(undefined);
  });

  test("keeps what it has recorded when a worker dies, and tells of that", async () => {
    await using app = startApp(() => new Response("hello"));
    await using site = await startStatusSite({ KAMAL_PROXY_WORKERS: "1" });
    await site.proxy.deploy("web", app.address);
    for (let i = 0; i < 20; i++) await fetch(site.proxy.url);
    const before = await waitFor(() => requestsIn(site.url), "requests in the history");
    const worker = site.proxy.pids[1]!;
    process.kill(worker, "SIGKILL");
    const state = await waitFor(async () => {
      const { events } = (await (await fetch(`${site.url}/api/state`)).json()) as PageState;
      return events.find(({ text }) => text.startsWith("A worker died"));
    }, "the death of the worker");
    expect(state).toMatchObject({ kind: "process", outcome: "bad" });
    await waitFor(async () => (await fetch(site.proxy.url)).status === 200, "the successor");
    expect(await requestsIn(site.url)).toBeGreaterThanOrEqual(before);
  });

  test("keeps what it has recorded when the proxy is upgraded in place", async () => {
    await using app = startApp(() => new Response("hello"));
    await using site = await startStatusSite();
    await site.proxy.deploy("web", app.address);
    for (let i = 0; i < 20; i++) await fetch(site.proxy.url);
    const before = await waitFor(() => requestsIn(site.url), "requests in the history");
    const upgraded = await site.proxy.runHere("upgrade");
    expect(upgraded).toMatchObject({ code: 0 });
    expect(await requestsIn(site.url)).toBeGreaterThanOrEqual(before);
    const { events } = (await (await fetch(`${site.url}/api/state`)).json()) as PageState;
    expect(events.map(({ text }) => text)).toContain(`Deployed ${app.address}`);
  });

  test("has room for so many viewers, and a place again when one leaves", async () => {
    await using site = await startStatusSite();
    const viewers: Response[] = [];
    const join = async (): Promise<number> => {
      const response = await fetch(`${site.url}/api/events`);
      if (response.status === 200) viewers.push(response);
      else await response.text();
      return response.status;
    };
    while ((await join()) === 200)
      expect(viewers.length).toBeLessThanOrEqual(statusLimits.maxViewers);
    expect(viewers).toHaveLength(statusLimits.maxViewers);
    await viewers.pop()!.body!.cancel();
    await waitFor(async () => (await join()) === 200, "a place that is free again");
    for (const viewer of viewers) await viewer.body!.cancel();
  });
});
