/** The ways to a service's settings beside the flags of a deploy: files, and by hand. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ServiceDescription } from "../../src/control-plane/socket/protocol.ts";
import { startApp } from "../support/app.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { proxyPool } from "../support/proxy-pool.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { waitFor } from "../support/wait-for.ts";

setDefaultTimeout(60_000);

/** Nobody writes files of settings for these. */
const plain = proxyPool();
const asking = proxyPool({ env: { KAMAL_PROXY_APP_SETTINGS: "true" } });

const app = () => startApp(() => new Response("ok"));

function writeSettings(proxy: ProxyProcess, name: string, text: string): string {
  const path = join(proxy.home, ".apps-config", name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

async function describeService(proxy: ProxyProcess, name: string): Promise<ServiceDescription> {
  const { stdout } = await proxy.runHere("list", "--json");
  return (JSON.parse(stdout) as Record<string, ServiceDescription>)[name]!;
}

async function timeoutOf(proxy: ProxyProcess, name: string): Promise<[unknown, string]> {
  const { options, sources } = await describeService(proxy, name);
  const { response_timeout } = options["target_options"] as Record<string, unknown>;
  return [Number(response_timeout) / 1e9, sources["target-timeout"]!];
}

describe("a file of settings", () => {
  test("counts less than a flag that was given, more than the default, and is read at each deploy", async () => {
    await using web = app();
    await using proxy = await ProxyProcess.start();
    const deploy = (...flags: string[]) =>
      proxy.runHere("deploy", "app-web", `--target=${web.address}`, ...flags);
    writeSettings(proxy, "app/proxy.toml", '[app-*]\ntarget-timeout = "7s"\nhost = "a.test"\n');
    expect(await deploy()).toMatchObject({ code: 0, stderr: "" });
    expect(await timeoutOf(proxy, "app-web")).toEqual([7, "file"]);
    expect((await describeService(proxy, "app-web")).hosts).toEqual(["a.test"]);
    await deploy("--target-timeout=30s");
    expect(await timeoutOf(proxy, "app-web")).toEqual([30, "flag"]);
    writeSettings(proxy, "app/proxy.toml", "");
    await deploy();
    expect(await timeoutOf(proxy, "app-web")).toEqual([30, "default"]);
    expect((await describeService(proxy, "app-web")).hosts).toEqual([""]);
  });

  test("that is wrong fails the deploy before anything changed", async () => {
    await using web = app();
    await using proxy = await ProxyProcess.start();
    const deploy = () => proxy.runHere("deploy", "web", `--target=${web.address}`);
    await deploy();
    const before = await describeService(proxy, "web");
    const path = writeSettings(proxy, "web/proxy.yml", "web:\n  target-timeout: 7s\n  tsl: true\n");
    expect(await deploy()).toMatchObject({
      code: 1,
      stderr: `Error: ${path}, line 3: "tsl" is no setting of a service\n`,
    });
    writeSettings(proxy, "web/proxy.yml", "web:\n  max-request-body: 10\n");
    expect((await deploy()).stderr).toBe(
      "Error: max-request-body can only be set when request buffering is enabled\n",
    );
    const other = writeSettings(proxy, "app/proxy.json", '{"w*": {}}');
    expect((await deploy()).stderr).toBe(
      `Error: two files have settings of "web": ${other} and ${path}\n`,
    );
    writeSettings(proxy, "app/proxy.json", " ".repeat(65 * 1024));
    expect((await deploy()).stderr).toBe(
      `Error: unable to read settings: ${other}: larger than 65536 bytes\n`,
    );
    writeSettings(proxy, "app/proxy.json", "{}");
    mkdirSync(join(proxy.home, ".apps-config/device"));
    const device = join(proxy.home, ".apps-config/device/proxy.toml");
    symlinkSync("/dev/zero", device);
    expect((await deploy()).stderr).toBe(
      `Error: unable to read settings: ${device}: is no regular file\n`,
    );
    expect(await describeService(proxy, "web")).toEqual(before);
  });

  test("that was changed is applied by reload, without a deploy", async () => {
    await using web = app();
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", web.address);
    await proxy.deploy("api", web.address, "--host=api.test");
    const before = await describeService(proxy, "web");
    expect(await proxy.runHere("reload")).toEqual({ code: 0, stdout: "", stderr: "" });
    const path = writeSettings(
      proxy,
      "app/proxy.toml",
      '[web]\ntarget-timeout = "7s"\nhealth-check-interval = "1h"\n[wbe]\n',
    );
    const stdout =
      'web: health-check-interval "1s" → "1h0m0s" (file)\nweb: target-timeout "30s" → "7s" (file)\n';
    const stderr = `Warning: ${path}, line 4: there is no service "wbe"\n`;
    expect(await proxy.runHere("reload", "--dry-run")).toEqual({ code: 0, stdout, stderr });
    expect(await timeoutOf(proxy, "web")).toEqual([30, "default"]);
    expect(await proxy.runHere("reload", "api")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await proxy.runHere("reload")).toEqual({ code: 0, stdout, stderr });
    expect(await timeoutOf(proxy, "web")).toEqual([7, "file"]);
    expect((await describeService(proxy, "web")).target_details).toEqual(before.target_details);

    writeSettings(proxy, "app/proxy.toml", '[api]\ntarget-timeout = "1s"\n[web]\ntls = 1\n');
    expect((await proxy.runHere("reload")).stderr).toBe(
      `Error: ${path}, line 4: "tls" must be true or false\n`,
    );
    expect(await timeoutOf(proxy, "api")).toEqual([30, "default"]);
    // By name, what is wrong with another is for another.
    expect((await proxy.run("reload", "web")).stderr).toContain("line 4");
    expect(await proxy.run("reload", "api")).toEqual({
      code: 0,
      stdout: 'api: target-timeout "30s" → "1s" (file)\n',
      stderr: `Warning: ${path}, line 4: "tls" must be true or false\n`,
    });
    expect(await timeoutOf(proxy, "api")).toEqual([1, "file"]);

    await proxy.stop();
    await proxy.startAgain();
    expect(await timeoutOf(proxy, "web")).toEqual([7, "file"]);
    expect((await proxy.runHere("reload", "nobody")).stderr).toBe("Error: service not found\n");
    expect((await proxy.runHere("reload", "a", "b")).stderr).toBe(
      "Error: accepts at most 1 arg(s), received 2\n",
    );
  });

  test("may be in another folder", async () => {
    await using web = app();
    await using proxy = await ProxyProcess.start({
      env: { KAMAL_PROXY_APPS_CONFIG: join(import.meta.dir, "..", "fixtures", "apps-config") },
    });
    await proxy.deploy("web", web.address);
    expect(await timeoutOf(proxy, "web")).toEqual([3, "file"]);
  });
});

describe("set", () => {
  test("acts at once, survives deploys and restarts, and counts more than their flags", async () => {
    await using web = app();
    await using proxy = await plain.borrow();
    await proxy.deploy("web", web.address, "--target-timeout=10s");
    const set = await proxy.runHere("set", "web", "--target-timeout=1m", "--deny-ip=192.0.2.1");
    expect(set).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await timeoutOf(proxy, "web")).toEqual([60, "set"]);
    await proxy.deploy("web", web.address, "--target-timeout=10s");
    await proxy.stop();
    await proxy.startAgain();
    expect(await timeoutOf(proxy, "web")).toEqual([60, "set"]);
    expect((await describeService(proxy, "web")).set).toEqual({
      "target-timeout": "1m0s",
      "deny-ip": ["192.0.2.1"],
    });
    expect((await proxy.runHere("list")).stderr).toBe(
      "web has --target-timeout 1m0s, by `set`\nweb has --deny-ip 192.0.2.1, by `set`\n" +
        "web would be open to everybody in the original kamal-proxy, which does not know --deny-ip\n",
    );
    expect((await proxy.runHere("unset", "web", "--target-timeout")).code).toBe(0);
    expect(await timeoutOf(proxy, "web")).toEqual([10, "flag"]);
    expect((await proxy.runHere("unset", "web", "--target-timeout")).stderr).toBe(
      "Error: --target-timeout was not set by hand\n",
    );
    expect((await proxy.runHere("unset", "web", "--all")).code).toBe(0);
    expect((await describeService(proxy, "web")).set).toEqual({});
    expect((await proxy.runHere("list")).stderr).toBe("");
  });

  test("refuses what a deploy would refuse, and changes nothing then", async () => {
    await using web = app();
    await using proxy = await plain.borrow();
    await proxy.deploy("web", web.address, "--host=a.test");
    await proxy.deploy("api", web.address, "--host=b.test");
    const before = await describeService(proxy, "web");
    const errors = {
      "--deny-ip=x": "invalid value for --deny-ip: ",
      "--host=b.test": "host settings conflict with another service: ",
      "--host=a.test/x": "invalid value for --host: ",
      "--retry=99": 'invalid value for --retry: "99": must be between 0 and 10',
      "--health-check-interval=0s": "health-check-interval must be greater than 0s",
      "--error-pages=/nowhere": "unable to load error pages: ",
    };
    for (const [flag, error] of Object.entries(errors)) {
      const { code, stderr } = await proxy.runHere("set", "web", flag);
      expect([flag, code]).toEqual([flag, 1]);
      expect(stderr).toStartWith(`Error: ${error}`);
    }
    expect((await proxy.runHere("set", "web")).stderr).toBe(
      "Error: at least one option is required\n",
    );
    expect((await proxy.runHere("set", "nobody", "--tls")).stderr).toBe(
      "Error: service not found\n",
    );
    expect((await proxy.runHere("unset", "web")).stderr).toBe(
      "Error: name the options to take back, or --all\n",
    );
    expect(await describeService(proxy, "web")).toEqual(before);
  });

  test("of another health check asks the targets by it", async () => {
    const asked: string[] = [];
    await using web = startApp((request) => {
      asked.push(new URL(request.url).pathname);
      return new Response("ok");
    });
    await using proxy = await plain.borrow();
    await proxy.deploy("web", `${web.address},${web.address}`);
    await proxy.runHere("set", "web", "--health-check-path=/alive", "--health-check-interval=20ms");
    await waitFor(() => asked.includes("/alive"), "a check by the new path");
  });

  test("leaves the state file as kamal-proxy writes it, once it is taken back", async () => {
    await using web = app();
    await using proxy = await plain.borrow();
    const state = () =>
      readFileSync(join(proxy.home, ".config/kamal-proxy/kamal-proxy.state"), "utf8");
    await proxy.deploy("web", web.address);
    const before = state();
    expect(before).not.toContain("setting_layers");
    await proxy.runHere("set", "web", "--target-timeout=1m");
    expect(state()).toContain('"setting_layers":{"set":{"target-timeout":"1m0s"}');
    await proxy.runHere("unset", "web", "--all");
    expect(state()).toBe(before);
  });
});

describe("what an app says of itself", () => {
  const path = "/.well-known/kamal-proxy.json";

  function version(answer: () => Response) {
    return startApp((request) =>
      new URL(request.url).pathname === path ? answer() : new Response("ok"),
    );
  }

  const wanting = (json: object) => version(() => Response.json(json));

  test("belongs to its version, and counts less than a file", async () => {
    await using first = wanting({ "target-timeout": "5s", "deny-ip": ["192.0.2.1"] });
    await using second = wanting({ "target-timeout": "6s" });
    await using third = app();
    await using proxy = await asking.borrow();
    await proxy.deploy("web", first.address);
    expect(await timeoutOf(proxy, "web")).toEqual([5, "app"]);
    expect((await describeService(proxy, "web")).protected_by).toEqual(["deny-ip"]);
    await proxy.stop();
    await proxy.startAgain();
    expect(await timeoutOf(proxy, "web")).toEqual([5, "app"]);
    await proxy.deploy("web", second.address);
    expect(await timeoutOf(proxy, "web")).toEqual([6, "app"]);
    expect((await describeService(proxy, "web")).protected_by).toEqual([]);
    await proxy.deploy("web", first.address);
    expect(await timeoutOf(proxy, "web")).toEqual([5, "app"]);
    writeSettings(proxy, "web/proxy.yml", "web:\n  target-timeout: 7s\n");
    await proxy.runHere("reload");
    expect(await timeoutOf(proxy, "web")).toEqual([7, "file"]);
    writeSettings(proxy, "web/proxy.yml", "");
    await proxy.deploy("web", third.address);
    expect(await timeoutOf(proxy, "web")).toEqual([30, "default"]);
  });

  test("is asked for only where it is allowed", async () => {
    await using web = wanting({ "target-timeout": "5s" });
    await using proxy = await plain.borrow();
    await proxy.deploy("web", web.address);
    expect(await timeoutOf(proxy, "web")).toEqual([30, "default"]);
    const response = await fetch(`http://127.0.0.1:${proxy.httpPort}${path}`);
    expect([response.status, await response.json()]).toEqual([200, { "target-timeout": "5s" }]);
  });

  test("is none where it is no JSON, or not there", async () => {
    const answers = [
      () => new Response("<html>"),
      () => new Response("<html>".repeat(20_000)),
      () => new Response("[1]"),
      () => new Response("gone", { status: 404 }),
      () => new Response(null, { status: 302, headers: { location: "/login" } }),
    ];
    await using proxy = await asking.borrow();
    for (const answer of answers) {
      await using web = version(answer);
      await proxy.deploy("web", web.address);
      expect(await timeoutOf(proxy, "web")).toEqual([30, "default"]);
    }
  });

  test("fails the deploy when it can't be meant, and nothing has changed", async () => {
    await using proxy = await asking.borrow();
    await using good = app();
    await proxy.deploy("web", good.address);
    const before = await describeService(proxy, "web");
    const faults: [() => Response, string][] = [
      [() => Response.json({ tsl: true }), ': "tsl" is no setting of a service'],
      [() => Response.json({ host: "bank.test" }), ': "host" can\'t be set by an app'],
      [() => Response.json({ "error-pages": "/" }), ': "error-pages" can\'t be set by an app'],
      [() => Response.json({ "deny-ip": "@/etc/passwd" }), ': "deny-ip" can\'t name a file'],
      [() => Response.json({ "target-timeout": 5 }), ': "target-timeout" must be a duration'],
      [() => new Response(`{"x": "${"y".repeat(70_000)}"}`), " is larger than 65536 bytes"],
      [() => new Response("no", { status: 503 }), ": 503"],
    ];
    for (const [answer, fault] of faults) {
      await using web = version(answer);
      const { code, stderr } = await proxy.runHere("deploy", "web", `--target=${web.address}`);
      expect([fault, code]).toEqual([fault, 1]);
      expect(stderr).toContain(`http://${web.address}${path}${fault}`);
    }
    expect(await describeService(proxy, "web")).toEqual(before);
  });

  test("that does not come in time fails the deploy", async () => {
    await using web = version(() => new Response(new ReadableStream({ start() {} })));
    await using proxy = await asking.borrow();
    const { stderr } = await proxy.runHere("deploy", "web", `--target=${web.address}`);
    expect(stderr).toBe(`Error: http://${web.address}${path} was not answered within 5s\n`);
  });

  test("is not for clients, however they write the path", async () => {
    let asked = 0;
    await using web = startApp((request) => {
      if (request.url.includes("kamal")) asked++;
      return new Response("ok");
    });
    await using proxy = await asking.borrow();
    await proxy.deploy("web", web.address);
    await proxy.deploy("api", web.address, "--path-prefix=/api");
    const askedByProxy = asked;
    const paths = [
      path,
      `/api${path}`,
      "/.well-known/kamal%2Dproxy.json",
      "//.well-known//kamal-proxy.json",
      "/x/../.well-known/./kamal-proxy.json",
      "/.WELL-KNOWN/KAMAL-PROXY.JSON",
      "/.well-known%2Fkamal-proxy.json",
      "/.well-known/kamal-proxy.json;a=b?c=d",
    ];
    for (const each of paths) {
      using socket = await connectRaw(proxy.httpPort);
      socket.send(`GET ${each} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
      expect([each, (await readResponse(socket, "GET")).status]).toEqual([each, 404]);
    }
    expect(asked).toBe(askedByProxy);
    expect((await fetch(`http://127.0.0.1:${proxy.httpPort}/.well-known/other`)).status).toBe(200);
  });
});
