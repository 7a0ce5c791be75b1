import { describe, expect, test } from "bun:test";
import type { TargetOptions } from "../../src/config/options.ts";
import { startApp } from "../support/app.ts";
import { startControlPlane } from "../support/control-plane-harness.ts";
import { freePorts } from "../support/free-ports.ts";
import { startRawServer } from "../support/raw-server.ts";
import { deployCommand, serviceOptions, targetOptions } from "../support/service-options.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor, within } from "../support/wait-for.ts";

/** Checks often, so that tests need not wait. */
function quickChecks(changes: Partial<TargetOptions["healthCheck"]> = {}): TargetOptions {
  const base = targetOptions();
  return targetOptions({ healthCheck: { ...base.healthCheck, intervalMs: 20, ...changes } });
}

const app = () => startApp(() => new Response("ok"));
const unhealthyText = "target failed to become healthy within configured timeout";

describe("deploy", () => {
  test("healthy targets are published, saved, and the replaced ones drained, in this order", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using first = app();
    await using second = app();
    const gate = Promise.withResolvers<void>();

    expect(await proxy.send(deployCommand("web", [first.address]))).toBeUndefined();
    const [old] = proxy.dataPlane.service("web")!.active.targets;
    expect(old).toMatchObject({ address: first.address, healthy: true, readOnly: false });

    proxy.dataPlane.drained = gate.promise;
    const command = deployCommand("web", [second.address], { drainTimeoutMs: 7_000 });
    const redeploy = proxy.send(command);
    await waitFor(() => proxy.dataPlane.drains.length === 1, "the drain");
    expect(proxy.dataPlane.targetsOf("web")).toEqual([second.address]);
    expect(proxy.dataPlane.drains[0]).toEqual({
      targetIds: [old!.id],
      timeoutMs: 7_000,
      revision: proxy.dataPlane.current!.revision,
    });
    expect(proxy.savedState()[0]?.active_targets).toEqual([second.address]);
    gate.resolve();
    expect(await redeploy).toBeUndefined();
    expect(proxy.logger.messages("info")).toEqual([
      "No previous state to restore",
      "Deploying",
      "Target health updated",
      "Deployed",
      "Deploying",
      "Target health updated",
      "Deployed",
    ]);
    expect(proxy.logger.find("Deployed")?.fields).toEqual({
      service: "web",
      targets: [first.address],
      hosts: [""],
      paths: ["/"],
      tls: false,
    });
  });

  test("a redeploy of the same address is a new target", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using web = app();
    await proxy.send(deployCommand("web", [web.address]));
    const before = proxy.dataPlane.service("web")!.active.targets[0]!.id;
    await proxy.send(deployCommand("web", [web.address]));
    expect(proxy.dataPlane.service("web")!.active.targets[0]!.id).not.toBe(before);
    expect(proxy.dataPlane.drains[0]?.targetIds).toEqual([before]);
  });

  test("one that fails says why and leaves no trace", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using good = app();
    let checks = 0;
    using bad = startRawServer(async (connection) => {
      checks++;
      await connection.receive("\r\n\r\n");
      connection.send("HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n");
    });
    const [closedPort] = freePorts(1);
    await proxy.send(deployCommand("web", [good.address]));
    const published = proxy.dataPlane.snapshots.length;
    const saved = proxy.savedState();

    const targets = [good.address, bad.address, `127.0.0.1:${closedPort}`];
    const command = deployCommand("web", targets, {
      targetOptions: quickChecks(),
      deployTimeoutMs: 150,
    });
    expect(await proxy.send(command)).toBe(
      `${unhealthyText} (150ms): ${bad.address} answered 500 on /up; ` +
        `127.0.0.1:${closedPort} connection refused`,
    );
    const checksAtEnd = checks;
    expect(checksAtEnd).toBeGreaterThan(1);
    expect(proxy.dataPlane.snapshots).toHaveLength(published);
    expect(proxy.savedState()).toEqual(saved);
    // Several intervals of another service's checks without one of the failed deploy's.
    await using several = app();
    const other = deployCommand("other", [several.address, good.address], {
      options: serviceOptions({ hosts: ["other.example.com"] }),
      targetOptions: quickChecks(),
    });
    expect(await proxy.send(other)).toBeUndefined();
    several.healthy = false;
    await waitFor(
      () => proxy.dataPlane.service("other")!.active.targets[0]!.healthy === false,
      "a check",
    );
    expect(checks).toBe(checksAtEnd);
  });

  test("a hopeless one fails at once, before any health check", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder, {
      loadErrorPages: () => {
        throw new Error("no pages in /pages");
      },
      checkCertificate: () => {
        throw new Error("no such file");
      },
    });
    await using web = app();
    await proxy.send(
      deployCommand("web", [web.address], {
        options: serviceOptions({ hosts: ["A.example.com"] }),
      }),
    );
    const dead = "127.0.0.1:1";
    const attempt = (options: Parameters<typeof serviceOptions>[0], targets = [dead]) =>
      within(
        proxy.send(deployCommand("new", targets, { options: serviceOptions(options) })),
        "the refusal",
      );
    expect(await attempt({ tlsEnabled: true })).toBe(
      "service options invalid: host must be set when using TLS",
    );
    expect(await attempt({}, ["http://x"])).toBe("http://x :invalid host pattern");
    expect(await attempt({}, [])).toBe("at least one target must be given");
    expect(await proxy.send(deployCommand("", [dead]))).toBe(
      "the name of the service must not be empty",
    );
    expect(await proxy.send({ command: "remove", service: "" })).toBe("service not found");
    expect(await attempt({ hosts: ["b.example.com", "a.EXAMPLE.com."] })).toBe(
      'host settings conflict with another service: "web" has a.example.com at /',
    );
    expect(await attempt({ hosts: ["*.example.com"], tlsEnabled: true })).toBe(
      "automatic TLS does not support wildcards",
    );
    const certificate = { tlsCertificatePath: "/cert", tlsPrivateKeyPath: "/key" };
    expect(await attempt({ hosts: ["*.example.com"], tlsEnabled: true, ...certificate })).toBe(
      "unable to load certificate: no such file",
    );
    expect(await attempt({ hosts: ["b.example.com"], errorPagePath: "/pages" })).toBe(
      "unable to load error pages: no pages in /pages",
    );
    expect(proxy.logger.find("Host settings conflict with another service")).toMatchObject({
      level: "error",
      fields: { service: "web" },
    });
    expect(proxy.logger.find("Unable to parse custom error pages")?.fields).toMatchObject({
      error: "no pages in /pages",
    });
    expect(proxy.logger.messages()).not.toContain("Healthcheck failed");
    expect(Object.keys(await proxy.list())).toEqual(["web"]);
  });

  test("of two services that want one host, the first to become healthy gets it", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using slow = app();
    await using fast = app();
    slow.healthy = false;
    const loser = proxy.send(
      deployCommand("slow", [slow.address], { targetOptions: quickChecks() }),
    );
    await waitFor(() => proxy.logger.find("Healthcheck failed"), "a check of the slow one");
    expect(await proxy.send(deployCommand("fast", [fast.address]))).toBeUndefined();
    slow.healthy = true;
    expect(await loser).toBe(
      'host settings conflict with another service: "fast" has any host at /',
    );
    expect(proxy.dataPlane.current!.services.map((service) => service.name)).toEqual(["fast"]);
  });

  test("of two deploys of one service the one that becomes healthy last stays", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using slow = app();
    await using fast = app();
    slow.healthy = false;
    const first = proxy.send(
      deployCommand("web", [slow.address], { targetOptions: quickChecks() }),
    );
    await waitFor(() => proxy.logger.find("Healthcheck failed"), "a check of the slow one");
    expect(await proxy.send(deployCommand("web", [fast.address]))).toBeUndefined();
    expect(proxy.dataPlane.targetsOf("web")).toEqual([fast.address]);
    // Other commands answer meanwhile.
    expect(Object.keys(await proxy.list())).toEqual(["web"]);
    slow.healthy = true;
    expect(await first).toBeUndefined();
    expect(proxy.dataPlane.targetsOf("web")).toEqual([slow.address]);
    expect(proxy.savedState()[0]?.active_targets).toEqual([slow.address]);
  });

  test("a remove while a redeploy waits is undone by that deploy", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using old = app();
    await using slow = app();
    slow.healthy = false;
    await proxy.send(deployCommand("web", [old.address]));
    const redeploy = proxy.send(
      deployCommand("web", [slow.address], { targetOptions: quickChecks() }),
    );
    await waitFor(() => proxy.logger.find("Healthcheck failed"), "a check");
    expect(await proxy.send({ command: "remove", service: "web" })).toBeUndefined();
    expect(proxy.savedState()).toEqual([]);
    slow.healthy = true;
    expect(await redeploy).toBeUndefined();
    expect(proxy.dataPlane.targetsOf("web")).toEqual([slow.address]);
  });

  test("by force it does not wait, and the target counts when it becomes healthy", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using web = app();
    web.healthy = false;
    const command = deployCommand("web", [web.address], {
      force: true,
      targetOptions: quickChecks(),
    });
    expect(await proxy.send(command)).toBeUndefined();
    const healthy = () => proxy.dataPlane.service("web")!.active.targets[0]!.healthy;
    expect(healthy()).toBe(false);
    await waitFor(async () => (await proxy.list())["web"]?.degraded, "a reason");
    await waitFor(
      async () =>
        (await proxy.list())["web"]?.degraded ===
        `no healthy target; ${web.address} answered 503 on /up`,
      "the reason of the check",
    );
    web.healthy = true;
    await waitFor(healthy, "the target to be published as healthy");
    expect((await proxy.list())["web"]?.degraded).toBeNull();
  });

  test("pause, rollout and split stay; options are set anew", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using web = app();
    const named = { options: serviceOptions({ hosts: ["a.example.com"] }) };
    await proxy.send(deployCommand("web", [web.address], named));
    await proxy.send({
      command: "rollout-deploy",
      service: "web",
      targets: [web.address],
      readTargets: [],
      deployTimeoutMs: 5_000,
      drainTimeoutMs: 0,
    });
    await proxy.send({ command: "rollout-set", service: "web", percentage: 50, allowlist: ["x"] });
    await proxy.send({ command: "stop", service: "web", drainTimeoutMs: 0, message: "later" });
    const before = proxy.dataPlane.service("web")!;
    await proxy.send(deployCommand("web", [web.address]));
    const after = proxy.dataPlane.service("web")!;
    expect(after.options.hosts).toEqual([""]);
    expect(after).toMatchObject({
      pause: { state: "stopped", stopMessage: "later" },
      rolloutSplit: { percentage: 50, allowlist: ["x"] },
    });
    expect(after.rollout).toEqual(before.rollout);
  });

  test("a service below a path takes TLS from the root of its host", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using web = app();
    const hosts = ["a.example.com"];
    await proxy.send(
      deployCommand("root", [web.address], {
        options: serviceOptions({ hosts, tlsEnabled: true }),
      }),
    );
    await proxy.send(
      deployCommand("api", [web.address], {
        options: serviceOptions({ hosts, pathPrefixes: ["/api"], tlsRedirect: false }),
      }),
    );
    expect(proxy.dataPlane.service("api")?.options).toMatchObject({
      tlsEnabled: true,
      tlsRedirect: true,
    });
    expect((await proxy.list())["api"]?.tls).toBe(true);
    await proxy.send({ command: "remove", service: "root" });
    expect(proxy.dataPlane.service("api")?.options.tlsEnabled).toBe(false);
  });

  test("a target that is replaced is not checked any more", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    let checks = 0;
    await using counted = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch() {
        checks++;
        return new Response("ok");
      },
    });
    await using first = app();
    await using second = app();
    const old = [`127.0.0.1:${counted.port}`, first.address];
    await proxy.send(deployCommand("web", old, { targetOptions: quickChecks() }));
    await waitFor(() => checks > 3, "periodic checks");
    const replacing = [first.address, second.address];
    await proxy.send(deployCommand("web", replacing, { targetOptions: quickChecks() }));
    const checksAtEnd = checks;
    first.healthy = false;
    await waitFor(() => !proxy.dataPlane.service("web")!.active.targets[0]!.healthy, "a check");
    first.healthy = true;
    await waitFor(() => proxy.dataPlane.service("web")!.active.targets[0]!.healthy, "another");
    expect(checks).toBe(checksAtEnd);
  });

  test("a client that goes away does not stop its deploy", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using web = app();
    web.healthy = false;
    const client = Bun.spawn(
      [
        process.execPath,
        "-e",
        `import { sendCommand } from "${import.meta.dir}/../../src/control-plane/socket/client.ts";
         await sendCommand(process.argv[1], JSON.parse(process.argv[2]));`,
        proxy.socketPath,
        JSON.stringify(deployCommand("web", [web.address], { targetOptions: quickChecks() })),
      ],
      { stderr: "ignore" },
    );
    await waitFor(() => proxy.logger.find("Healthcheck failed"), "a check");
    client.kill("SIGKILL");
    await client.exited;
    web.healthy = true;
    await waitFor(() => proxy.dataPlane.service("web"), "the deploy to end");
  });

  test("a shutdown ends waiting deploys at once and tells their clients", async () => {
    using folder = tempFolder();
    const proxy = await startControlPlane(folder);
    await using web = app();
    web.healthy = false;
    const deploys = ["a", "b"].map((name) =>
      proxy.send(
        deployCommand(name, [web.address], {
          options: serviceOptions({ hosts: [name] }),
          targetOptions: quickChecks(),
        }),
      ),
    );
    await waitFor(
      () => proxy.logger.messages().filter((text) => text === "Healthcheck failed").length > 2,
      "checks of both",
    );
    await within(proxy.plane.close(), "the shutdown", 3_000);
    expect(await Promise.all(deploys)).toEqual([
      "the proxy is shutting down",
      "the proxy is shutting down",
    ]);
    expect(proxy.savedState()).toEqual([]);
  });
});
