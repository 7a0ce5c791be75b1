/** Deploying: what switches traffic, what is refused, and that a refusal changes nothing. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { startApp } from "../support/app.ts";
import { proxyPool } from "../support/proxy-pool.ts";
import type { ProxyProcess } from "../support/proxy-process.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

const proxies = proxyPool();

const unhealthy = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
const success = { code: 0, stdout: "", stderr: "" };

async function answer(proxy: ProxyProcess, path = "/", host?: string): Promise<string> {
  const response = await fetch(proxy.url + path, host === undefined ? {} : { headers: { host } });
  return response.ok ? await response.text() : String(response.status);
}

/** Everything that a command could have left behind. */
async function traces(proxy: ProxyProcess): Promise<unknown> {
  const { stdout } = await proxy.run("list");
  const state = existsSync(proxy.statePath) ? readFileSync(proxy.statePath, "utf8") : null;
  return { stdout, state };
}

describe("a first deploy", () => {
  test("sends traffic to the target, quietly", async () => {
    await using app = startApp(() => new Response("one"));
    await using proxy = await proxies.borrow();
    expect(await proxy.run("deploy", "web", `--target=${app.address}`)).toEqual(success);
    expect(await answer(proxy)).toBe("one");
    const fields = {
      service: "web",
      targets: [app.address],
      hosts: [""],
      paths: ["/"],
      tls: false,
    };
    expect(await proxy.waitForLog("Deploying")).toMatchObject(fields);
    expect(await proxy.waitForLog("Deployed")).toMatchObject(fields);
    expect(await proxy.waitForLog("Target health updated")).toMatchObject({
      target: app.address,
      state: "healthy",
      was: "adding",
    });
  });

  test("waits until the target is healthy", async () => {
    using app = startScriptedApp();
    app.healthAnswer = unhealthy;
    await using proxy = await proxies.borrow();
    const deploy = proxy.run(
      "deploy",
      "web",
      `--target=${app.address}`,
      "--health-check-interval=20ms",
    );
    await waitFor(() => app.probeCount >= 3, "several checks");
    expect(await answer(proxy)).toBe("404");
    app.healthAnswer = ok;
    expect(await deploy).toEqual(success);
    expect(await answer(proxy)).toBe("ok");
  });

  test("checks the health where it is told to", async () => {
    using app = startScriptedApp();
    using checks = startScriptedApp();
    app.healthAnswer = unhealthy;
    await using proxy = await proxies.borrow();
    await proxy.deploy(
      "web",
      app.address,
      "--health-check-path=health?deep",
      `--health-check-port=${checks.port}`,
      "--health-check-host=app.example.com",
    );
    expect(app.probeCount).toBe(0);
    const [check] = checks.requests;
    expect(check!.startLine).toBe("GET /health%3Fdeep HTTP/1.1");
    const fields = Object.fromEntries(check!.fields);
    expect(fields).toMatchObject({ host: "app.example.com", "user-agent": "kamal-proxy" });
  });
});

describe("a redeploy", () => {
  test("moves all traffic to the new target and forgets the old one", async () => {
    using old = startScriptedApp(() => ok.replace("ok", "v1"));
    using fresh = startScriptedApp(() => ok.replace("ok", "v2"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", old.address);
    expect(await answer(proxy)).toBe("v1");
    await proxy.deploy("web", fresh.address);
    expect(await answer(proxy)).toBe("v2");
    await waitFor(() => old.openConnections === 0, "the idle connections to the old target to end");
    expect((await proxy.run("list")).stdout).not.toContain(old.address);
  });

  test("sets all options anew", async () => {
    await using app = startApp((request) => new Response(new URL(request.url).pathname));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--host=a.example.com", "--path-prefix=/api");
    expect(await answer(proxy, "/api/x", "a.example.com")).toBe("/x");
    await proxy.deploy("web", app.address);
    expect(await answer(proxy, "/api/x", "b.example.com")).toBe("/api/x");
  });

  test("to the same target works", async () => {
    await using app = startApp(() => new Response("same"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    await proxy.deploy("web", app.address);
    expect(await answer(proxy)).toBe("same");
  });
});

describe("several targets", () => {
  test("take turns", async () => {
    await using one = startApp(() => new Response("one"));
    await using two = startApp(() => new Response("two"));
    await using proxy = await proxies.borrow();
    const targets = [`--target=${one.address}`, `--target=${two.address}`];
    expect(await proxy.run("deploy", "web", ...targets)).toEqual(success);
    const answers: string[] = [];
    for (let i = 0; i < 6; i++) answers.push(await answer(proxy));
    expect(answers.filter((_, i) => i % 2 === 0)).toEqual(Array(3).fill(answers[0]));
    expect(new Set(answers)).toEqual(new Set(["one", "two"]));
  });

  test("must all be healthy", async () => {
    using good = startScriptedApp();
    using bad = startScriptedApp();
    bad.healthAnswer = unhealthy;
    await using proxy = await proxies.borrow();
    const result = await proxy.run(
      "deploy",
      "web",
      `--target=${good.address},${bad.address}`,
      "--deploy-timeout=150ms",
    );
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("target failed to become healthy within");
    expect(await answer(proxy)).toBe("404");
  });

  test("whose answers could not be forwarded are not healthy, and the deploy says why", async () => {
    using app = startScriptedApp();
    app.healthAnswer = "HTTP/1.1 200 OK\r\nServer: x\r\nX Kind: y\r\nContent-Length: 0\r\n\r\n";
    await using proxy = await proxies.borrow();
    const target = `--target=${app.address}`;
    const result = await proxy.run("deploy", "web", target, "--deploy-timeout=1s");
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(
      `${app.address} malformed answer: invalid field name in line 3`,
    );
  });

  test("go out when they fail and come back when they are well", async () => {
    await using one = startApp(() => new Response("one"));
    await using two = startApp(() => new Response("two"));
    await using proxy = await proxies.borrow();
    const targets = [`--target=${one.address}`, `--target=${two.address}`];
    await proxy.run("deploy", "web", ...targets, "--health-check-interval=20ms");
    const seen = async (): Promise<string> => `${await answer(proxy)}, ${await answer(proxy)}`;
    two.healthy = false;
    await waitFor(async () => (await seen()) === "one, one", "the second target to go out");
    two.healthy = true;
    await waitFor(async () => (await seen()).includes("two"), "the second target to come back");
  });
});

describe("a deploy fails", () => {
  test("when the target does not become healthy, with timeout and last reason", async () => {
    using app = startScriptedApp();
    app.healthAnswer = unhealthy;
    await using proxy = await proxies.borrow();
    const flags = ["--deploy-timeout=150ms", "--health-check-interval=20ms"];
    const result = await proxy.run("deploy", "web", `--target=${app.address}`, ...flags);
    expect(result.code).toBe(1);
    expect(result.stdout).toBe("");
    expect(result.stderr).toStartWith(
      "Error: target failed to become healthy within configured timeout (150ms)",
    );
    expect(result.stderr).toContain("500");
    expect(result.stderr.trim().split("\n")).toHaveLength(1);
    expect(await proxy.waitForLog("Healthcheck failed")).toMatchObject({
      url: `http://${app.address}/up`,
      error: "unexpected status (500)",
    });
  });

  test("when nobody listens at the target", async () => {
    const gone = startScriptedApp();
    gone[Symbol.dispose]();
    await using proxy = await proxies.borrow();
    const result = await proxy.run(
      "deploy",
      "web",
      `--target=${gone.address}`,
      "--deploy-timeout=100ms",
    );
    expect(result.stderr).toStartWith(
      "Error: target failed to become healthy within configured timeout (100ms)",
    );
    expect(result.stderr).toContain("refused");
  });

  test("when another service has the host and the path", async () => {
    await using app = startApp(() => new Response("first"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("first", app.address, "--host=a.example.com", "--path-prefix=/api/");
    const before = await traces(proxy);
    const flags = ["--host=b.example.com", "--host=A.example.com", "--path-prefix=api"];
    const result = await proxy.run("deploy", "second", `--target=${app.address}`, ...flags);
    expect(result).toEqual({
      code: 1,
      stdout: "",
      stderr:
        'Error: host settings conflict with another service: "first" has a.example.com at /api\n',
    });
    expect(await traces(proxy)).toEqual(before);
    await proxy.deploy("second", app.address, "--host=a.example.com");
  });

  test.each([
    ["bad syntax of the target", ["--target=http://x"], "http://x :invalid host pattern"],
    [
      "a canonical host of nobody",
      ["--canonical-host=c", "--host=a"],
      "canonical-host 'c' must be",
    ],
    ["TLS without a host", ["--tls"], "host must be set when using TLS"],
    ["error pages that are not there", ["--error-pages=/none"], "unable to load error pages"],
  ])("on %s", async (_what, flags, text) => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await proxies.borrow();
    const target = flags[0]!.startsWith("--target") ? [] : [`--target=${app.address}`];
    const result = await proxy.run("deploy", "web", ...target, ...flags);
    expect(result.code).toBe(1);
    expect(result.stderr).toStartWith("Error: ");
    expect(result.stderr).toContain(text);
    expect(await answer(proxy)).toBe("404");
  });

  test("without a trace: list, state, routes and later checks", async () => {
    await using app = startApp(() => new Response("v1"));
    using failing = startScriptedApp();
    failing.healthAnswer = unhealthy;
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--host=a.example.com");
    const before = await traces(proxy);
    const result = await proxy.run(
      "deploy",
      "web",
      `--target=${failing.address}`,
      "--host=b.example.com",
      "--deploy-timeout=100ms",
      "--health-check-interval=10ms",
    );
    expect(result.code).toBe(1);
    expect(await traces(proxy)).toEqual(before);
    expect(await answer(proxy, "/", "a.example.com")).toBe("v1");
    expect(await answer(proxy, "/", "b.example.com")).toBe("404");
    // Other checks go on all the while, so time passes in which a leaked one would come.
    const { probeCount } = failing;
    using other = startScriptedApp();
    const twice = [`--target=${other.address}`, `--target=${other.address}`];
    await proxy.run("deploy", "other", ...twice, "--host=o", "--health-check-interval=10ms");
    const seen = other.probeCount;
    await waitFor(() => other.probeCount > seen + 20, "many checks of another service");
    expect(failing.probeCount).toBe(probeCount);
    expect(failing.openConnections).toBe(0);
  });
});

describe("--force", () => {
  test("deploys at once, and the target serves as soon as it is healthy", async () => {
    using app = startScriptedApp();
    app.healthAnswer = unhealthy;
    await using proxy = await proxies.borrow();
    const flags = ["--force", "--health-check-interval=20ms"];
    expect(await proxy.run("deploy", "web", `--target=${app.address}`, ...flags)).toEqual(success);
    expect(await answer(proxy)).toBe("503");
    app.healthAnswer = ok;
    await waitFor(async () => (await answer(proxy)) === "ok", "the target to serve");
  });
});

describe("remove", () => {
  test("ends the service, its checks and its state", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    expect(await answer(proxy)).toBe("ok");
    expect(await proxy.run("rm", "web")).toEqual(success);
    expect(await answer(proxy)).toBe("404");
    expect(JSON.parse(readFileSync(proxy.statePath, "utf8"))).toEqual([]);
    await waitFor(() => app.openConnections === 0, "the idle connections to end");
    const again = await proxy.run("remove", "web");
    expect(again).toEqual({ code: 1, stdout: "", stderr: "Error: service not found\n" });
  });

  test("frees the host for another service", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await proxies.borrow();
    await proxy.deploy("first", app.address, "--host=a");
    await proxy.run("remove", "first");
    await proxy.deploy("second", app.address, "--host=a");
    expect(await answer(proxy, "/", "a")).toBe("ok");
  });
});
