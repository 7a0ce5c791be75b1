import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { startApp } from "../support/app.ts";
import { startControlPlane } from "../support/control-plane-harness.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { deployCommand, serviceOptions } from "../support/service-options.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor, within } from "../support/wait-for.ts";

const statePath = "kamal-proxy.state";

function entry(name: string, changes: object = {}) {
  return { name, active_targets: ["127.0.0.1:1"], options: { hosts: [name] }, ...changes };
}

const certificate = {
  hosts: ["tls.example.com"],
  tls_enabled: true,
  tls_certificate_path: "/cert",
  tls_private_key_path: "/key",
};

describe("restore", () => {
  test("what was deployed is served again at once, with healthy targets", async () => {
    using folder = tempFolder();
    await using web = startApp(() => new Response("ok"));
    {
      await using proxy = await startControlPlane(folder);
      const options = serviceOptions({ hosts: ["a.example.com"], pathPrefixes: ["/api"] });
      await proxy.send(deployCommand("web", [web.address, web.address], { options }));
      await proxy.send({ command: "pause", service: "web", drainTimeoutMs: 0, maxPauseMs: 1_500 });
    }
    web.healthy = false;
    const { probe, resolve } = gatedProbe();
    await using proxy = await startControlPlane(folder, { probe });
    expect(proxy.dataPlane.snapshots).toHaveLength(1);
    expect(proxy.dataPlane.service("web")).toMatchObject({
      options: { hosts: ["a.example.com"], pathPrefixes: ["/api"] },
      pause: { state: "paused", failAfterMs: 1_500 },
      active: { targets: [{ healthy: true }, { healthy: true }] },
    });
    expect(proxy.logger.find("Restored saved state")?.fields).toEqual({
      path: proxy.statePath,
    });
    // From then on they are checked.
    resolve();
    await waitFor(
      () => proxy.dataPlane.service("web")!.active.targets.every((target) => !target.healthy),
      "the checks",
    );
    expect(await proxy.send({ command: "resume", service: "web" })).toBeUndefined();
    expect(proxy.dataPlane.service("web")?.pause.state).toBe("running");
  });

  test("one that can not be read takes no other with it and stays in the file", async () => {
    using folder = tempFolder();
    const broken = { name: "bad", active_targets: 7, options: { custom: [1, { x: null }] } };
    writeFileSync(folder.file(statePath), JSON.stringify([entry("a"), broken, entry("b")]));
    await using proxy = await startControlPlane(folder);
    expect(proxy.dataPlane.current!.services.map((service) => service.name)).toEqual(["a", "b"]);
    expect((await proxy.list())["bad"]?.degraded).toMatch(
      /^could not be restored from the saved state: active_targets: /,
    );
    expect(proxy.logger.find("Unable to restore service")).toMatchObject({
      level: "error",
      fields: { service: "bad" },
    });
    expect(await proxy.send({ command: "resume", service: "bad" })).toMatch(
      /^service could not be restored from the saved state: /,
    );
    expect(await proxy.send({ command: "resume", service: "a" })).toBeUndefined();
    expect(proxy.savedState()).toContainEqual(broken as never);
    expect(await proxy.send({ command: "remove", service: "bad" })).toBeUndefined();
    expect(proxy.savedState().map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test("a deploy replaces an entry that could not be read", async () => {
    using folder = tempFolder();
    await using web = startApp(() => new Response("ok"));
    writeFileSync(folder.file(statePath), JSON.stringify([{ name: "web", options: 5 }]));
    await using proxy = await startControlPlane(folder);
    expect(await proxy.send(deployCommand("web", [web.address]))).toBeUndefined();
    expect(proxy.savedState()).toHaveLength(1);
    expect((await proxy.list())["web"]?.degraded).toBeNull();
  });

  test("one whose certificate is missing waits for it while the others serve", async () => {
    using folder = tempFolder();
    writeFileSync(
      folder.file(statePath),
      JSON.stringify([entry("a"), entry("tls", { options: certificate }), entry("b")]),
    );
    const clock = new ManualClock();
    let missing = true;
    await using proxy = await startControlPlane(folder, {
      clock,
      checkCertificate: () => {
        if (missing) throw new Error("open /cert: no such file or directory");
      },
    });
    // Its routes are published: no other service gets its requests.
    const published = proxy.dataPlane.current!.services.map((service) => service.name);
    expect(published).toEqual(["a", "tls", "b"]);
    const listed = await proxy.list();
    expect(listed["tls"]).toMatchObject({
      hosts: ["tls.example.com"],
      degraded: "unable to load certificate: open /cert: no such file or directory",
    });
    // Its hosts stay its own, its commands work, and it stays in the file.
    const options = serviceOptions({ hosts: ["tls.example.com"] });
    expect(await proxy.send(deployCommand("new", ["127.0.0.1:1"], { options }))).toBe(
      'host settings conflict with another service: "tls" has tls.example.com at /',
    );
    const stop = { command: "stop", service: "tls", drainTimeoutMs: 0, message: "" } as const;
    expect(await proxy.send(stop)).toBeUndefined();
    expect(proxy.savedState().map(({ name }) => name)).toEqual(["a", "tls", "b"]);
    expect(proxy.dataPlane.service("tls")).toMatchObject({ pause: { state: "stopped" } });

    missing = false;
    await waitFor(() => {
      clock.advance(5_000);
      return proxy.logger.find("Service restored");
    }, "the service to be whole again");
    expect(proxy.dataPlane.service("tls")).toMatchObject({ pause: { state: "stopped" } });
    expect((await proxy.list())["tls"]?.degraded ?? "").not.toContain("certificate");
    expect(proxy.logger.find("Service restored")?.fields).toEqual({ service: "tls" });
  });

  test("a service whose error pages can not be read has the default ones", async () => {
    using folder = tempFolder();
    writeFileSync(
      folder.file(statePath),
      JSON.stringify([
        entry("a", { options: { hosts: ["a"], error_page_path: "/good" } }),
        entry("b", { options: { hosts: ["b"], error_page_path: "/bad" } }),
      ]),
    );
    await using proxy = await startControlPlane(folder, {
      loadErrorPages: (path) => {
        if (path === "/bad") throw new Error("no pages");
        return { 503: "<h1>{{ .Message }}</h1>" };
      },
    });
    expect(proxy.dataPlane.service("a")?.errorPages).toEqual({ 503: "<h1>{{ .Message }}</h1>" });
    expect(proxy.dataPlane.service("b")).toMatchObject({ errorPages: null });
    expect((await proxy.list())["b"]?.degraded).toBe("unable to load error pages: no pages");
  });

  test("a service below a path needs no certificate of its own", async () => {
    using folder = tempFolder();
    const hosts = ["*.example.com"];
    const below = { hosts, path_prefixes: ["/api"], tls_enabled: true };
    writeFileSync(
      folder.file(statePath),
      JSON.stringify([
        entry("root", { options: { ...certificate, hosts } }),
        entry("api", { options: below }),
      ]),
    );
    await using proxy = await startControlPlane(folder);
    expect(proxy.dataPlane.service("api")?.options.tlsEnabled).toBe(true);
  });

  test("a file of an older version is served and written in the new form", async () => {
    using folder = tempFolder();
    const old = {
      name: "web",
      hosts: ["example.com"],
      active_target: "127.0.0.1:1",
      rollout_target: "",
      options: { tls_enabled: false },
      pause_controller: null,
    };
    writeFileSync(folder.file(statePath), JSON.stringify([old]));
    await using proxy = await startControlPlane(folder);
    expect(proxy.dataPlane.targetsOf("web")).toEqual(["127.0.0.1:1"]);
    expect(await proxy.send({ command: "resume", service: "web" })).toBeUndefined();
    expect(proxy.savedState()[0]).toMatchObject({
      active_targets: ["127.0.0.1:1"],
      rollout_targets: null,
      options: { hosts: ["example.com"] },
    });
    expect(proxy.savedState()[0]).not.toHaveProperty("active_target");
  });

  test("a damaged file does not keep the proxy from starting, and is kept", async () => {
    using folder = tempFolder();
    await using web = startApp(() => new Response("ok"));
    writeFileSync(folder.file(statePath), '[{"name":"a"');
    await using proxy = await startControlPlane(folder);
    expect(proxy.dataPlane.current!.services).toEqual([]);
    expect(await proxy.send(deployCommand("web", [web.address]))).toBeUndefined();
    expect(readFileSync(`${proxy.statePath}.corrupt`, "utf8")).toBe('[{"name":"a"');
    expect(proxy.savedState().map(({ name }) => name)).toEqual(["web"]);
  });

  test("a second proxy does not take a live one's socket", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await expect(within(startControlPlane(folder), "the second start")).rejects.toThrow(
      `listen unix ${proxy.socketPath}: bind: address already in use`,
    );
    expect(await proxy.list()).toEqual({});
  });
});

/** Checks that fail, but not before `resolve` is called. */
function gatedProbe() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const reason = "answered 500 on /up";
  return {
    resolve,
    probe: async () => {
      await promise;
      return { healthy: false as const, error: reason, reason };
    },
  };
}
