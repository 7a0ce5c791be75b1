import { describe, expect, test } from "bun:test";
import type { CertificateDescription, Command } from "../../src/control-plane/socket/protocol.ts";
import { startApp } from "../support/app.ts";
import { startControlPlane } from "../support/control-plane-harness.ts";
import { deployCommand, serviceOptions } from "../support/service-options.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import { parseReply } from "../support/reply-schema.ts";

const app = () => startApp(() => new Response("ok"));

function rolloutDeploy(service: string, targets: string[]): Command {
  return {
    command: "rollout-deploy",
    service,
    targets,
    readTargets: [],
    deployTimeoutMs: 5_000,
    drainTimeoutMs: 3_000,
  };
}

describe("commands on an unknown service", () => {
  const commands: Command[] = [
    { command: "pause", service: "none", drainTimeoutMs: 0, maxPauseMs: 0 },
    { command: "stop", service: "none", drainTimeoutMs: 0, message: "" },
    { command: "resume", service: "none" },
    { command: "remove", service: "none" },
    { command: "rollout-set", service: "none", percentage: 5, allowlist: [] },
    { command: "rollout-stop", service: "none" },
    rolloutDeploy("none", ["web:80"]),
  ];

  test("they all say that it is not there", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    for (const command of commands) {
      expect(await proxy.send(command)).toBe("service not found");
    }
  });
});

describe("pause, stop and resume", () => {
  test("the state changes first, then the targets are drained, then it is saved", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using web = app();
    await using beta = app();
    await proxy.send(deployCommand("web", [web.address]));
    await proxy.send(rolloutDeploy("web", [beta.address]));
    const ids = [
      ...proxy.dataPlane.service("web")!.active.targets,
      ...proxy.dataPlane.service("web")!.rollout!.targets,
    ].map((target) => target.id);
    const gate = Promise.withResolvers<void>();
    proxy.dataPlane.drained = gate.promise;

    const pausing = proxy.send({
      command: "pause",
      service: "web",
      drainTimeoutMs: 4_000,
      maxPauseMs: 60_000,
    });
    await waitFor(() => proxy.dataPlane.drains.length === 1, "the drain");
    expect(proxy.dataPlane.drains[0]).toEqual({
      targetIds: ids,
      timeoutMs: 4_000,
      revision: proxy.dataPlane.current!.revision,
    });
    const paused = { state: "paused", stopMessage: "", failAfterMs: 60_000 };
    expect(proxy.dataPlane.service("web")?.pause).toEqual(paused as never);
    expect((await proxy.list())["web"]?.state).toBe("paused");
    expect(proxy.savedState()[0]?.pause_controller.state).toBe(0);
    gate.resolve();
    expect(await pausing).toBeUndefined();
    expect(proxy.savedState()[0]?.pause_controller).toEqual({
      state: 1,
      stop_message: "",
      fail_after: 60_000_000_000,
    });

    const stop: Command = { command: "stop", service: "web", drainTimeoutMs: 0, message: "<soon>" };
    expect(await proxy.send(stop)).toBeUndefined();
    expect(proxy.dataPlane.service("web")?.pause).toEqual({
      state: "stopped",
      stopMessage: "<soon>",
      failAfterMs: 60_000,
    });
    expect(await proxy.send({ command: "resume", service: "web" })).toBeUndefined();
    expect(await proxy.send({ command: "resume", service: "web" })).toBeUndefined();
    expect(proxy.savedState()[0]?.pause_controller).toEqual({
      state: 0,
      stop_message: "",
      fail_after: 60_000_000_000,
    });
    expect(proxy.logger.messages("info").slice(-6)).toEqual([
      "Service paused",
      "Service drained",
      "Service stopped",
      "Service drained",
      "Service resumed",
      "Service resumed",
    ]);
  });
});

describe("rollout", () => {
  test("targets first, then a split, and the split goes without them", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using web = app();
    await using beta = app();
    await using gamma = app();
    const split: Command = {
      command: "rollout-set",
      service: "web",
      percentage: 33,
      allowlist: ["a"],
    };
    await proxy.send(deployCommand("web", [web.address]));
    expect(await proxy.send(split)).toBe("rollout target not set");
    expect(await proxy.send(rolloutDeploy("web", [beta.address]))).toBeUndefined();
    expect(await proxy.send({ ...split, percentage: 101 } as Command)).toBe(
      "percent must be between 0 and 100",
    );
    expect(await proxy.send(split)).toBeUndefined();
    expect(proxy.dataPlane.service("web")).toMatchObject({
      rollout: { targets: [{ address: beta.address, healthy: true }] },
      rolloutSplit: { percentage: 33, splitPoint: 1_417_339_207.350_000_1, allowlist: ["a"] },
    });

    const old = proxy.dataPlane.service("web")!.rollout!.targets[0]!.id;
    expect(await proxy.send(rolloutDeploy("web", [gamma.address]))).toBeUndefined();
    expect(proxy.dataPlane.drains.at(-1)).toMatchObject({ targetIds: [old], timeoutMs: 3_000 });

    expect(await proxy.send({ command: "rollout-stop", service: "web" })).toBeUndefined();
    expect(await proxy.send({ command: "rollout-stop", service: "web" })).toBeUndefined();
    expect(proxy.dataPlane.service("web")).toMatchObject({
      rollout: { targets: [{ address: gamma.address }] },
      rolloutSplit: null,
    });
    expect(proxy.savedState()[0]).toMatchObject({
      rollout_targets: [gamma.address],
      rollout_readers: [],
      rollout_controller: null,
    });
  });

  test("the split point is kamal-proxy's, to the last bit", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using web = app();
    await proxy.send(deployCommand("web", [web.address]));
    await proxy.send(rolloutDeploy("web", [web.address]));
    for (const [percentage, point] of [
      [0, 0],
      [7, 300_647_710.650_000_04],
      [100, 4_294_967_295],
    ] as const) {
      await proxy.send({ command: "rollout-set", service: "web", percentage, allowlist: [] });
      expect(proxy.dataPlane.service("web")?.rolloutSplit?.splitPoint).toBe(point);
    }
  });
});

describe("remove", () => {
  test("the service is gone from the snapshot and the file, without a drain", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using web = app();
    await proxy.send(deployCommand("web", [web.address]));
    expect(await proxy.send({ command: "remove", service: "web" })).toBeUndefined();
    expect(proxy.dataPlane.current!.services).toEqual([]);
    expect(proxy.dataPlane.drains).toEqual([]);
    expect(proxy.savedState()).toEqual([]);
    expect(await proxy.list()).toEqual({});
  });
});

describe("list", () => {
  test("it describes services, their targets and what happens on them", async () => {
    using folder = tempFolder();
    const certificate: CertificateDescription = {
      name: "b.example.com",
      source: "acme",
      expires: "2030-01-01T00:00:00.000Z",
      error: null,
      preflight: null,
    };
    await using proxy = await startControlPlane(folder, {
      certificates: {
        outlook: async () => [],
        describe: (service) => (service === "web" ? [certificate] : []),
        details: async () => [],
        renew: async () => {},
        forget: async () => {},
      },
    });
    await using writer = app();
    await using reader = app();
    await proxy.send(
      deployCommand("web", [writer.address], {
        readTargets: [reader.address],
        options: serviceOptions({ hosts: ["b.example.com", "a.example.com"], pathPrefixes: ["x"] }),
      }),
    );
    const [first] = proxy.dataPlane.service("web")!.active.targets;
    proxy.dataPlane.currentSamples = {
      targets: { [first!.id]: { inFlight: 3, served: 40 } },
      held: { web: 2 },
    };
    const services = await proxy.list();
    expect(parseReply({ ok: true, services })).toEqual({ ok: true, services });
    expect(services["web"]).toMatchObject({
      hosts: ["b.example.com", "a.example.com"],
      paths: ["/x"],
      targets: [writer.address, reader.address],
      rollout_targets: [],
      state: "running",
      tls: false,
      rollout: null,
      degraded: null,
      held_requests: 2,
      target_details: [
        {
          target: writer.address,
          group: "active",
          read_only: false,
          state: "healthy",
          last_error: null,
          in_flight: 3,
          served: 40,
        },
        { target: reader.address, read_only: true, in_flight: 0, served: 0 },
      ],
      certificates: [certificate],
      options: { strip_prefix: true, target_options: { response_timeout: 30_000_000_000 } },
    });
  });
});

describe("errors", () => {
  test("a malformed command names its field, and an unexpected error is logged", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    const malformed = { command: "remove", service: 5 } as unknown as Command;
    expect(await proxy.send(malformed)).toMatch(/^malformed command \(service\): /);

    await using web = app();
    proxy.dataPlane.apply = () => {
      throw new Error("data plane is gone");
    };
    expect(await proxy.send(deployCommand("web", [web.address]))).toBe(
      "internal error, see the log of the proxy",
    );
    expect(proxy.logger.find("Command failed unexpectedly")?.fields["error"]).toContain(
      "data plane is gone",
    );
  });

  test("an unwritable state is logged and the command succeeds", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder, {
      statePath: folder.file("none/kamal-proxy.state"),
    });
    await using web = app();
    expect(await proxy.send(deployCommand("web", [web.address]))).toBeUndefined();
    expect(proxy.dataPlane.targetsOf("web")).toEqual([web.address]);
    expect(proxy.logger.find("Unable to save state")?.level).toBe("error");
  });

  test("concurrent commands are all in the file", async () => {
    using folder = tempFolder();
    await using proxy = await startControlPlane(folder);
    await using web = app();
    const names = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const outcomes = await Promise.all(
      names.map((name) =>
        proxy.send(
          deployCommand(name, [web.address], { options: serviceOptions({ hosts: [name] }) }),
        ),
      ),
    );
    expect(outcomes.every((outcome) => outcome === undefined)).toBe(true);
    const saved = proxy.savedState().map((entry) => entry.name);
    expect(saved.toSorted()).toEqual(names.toSorted());
  });
});
