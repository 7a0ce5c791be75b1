import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { startApp, type App } from "../support/app.ts";
import { proxyPool } from "../support/proxy-pool.ts";
import { ProxyProcess, severalWorkers } from "../support/proxy-process.ts";
import { rawRequest } from "../support/raw-request.ts";
import { startRawServer } from "../support/raw-server.ts";

const proxies = proxyPool({ env: severalWorkers });

setDefaultTimeout(30_000);

const named = (name: string): App => startApp(() => new Response(name));

async function command(proxy: ProxyProcess, ...args: string[]): Promise<void> {
  const { code, stderr, stdout } = await proxy.runHere(...args);
  expect({ args, code, stdout, stderr }).toEqual({ args, code: 0, stdout: "", stderr: "" });
}

/** Body of the answer to a request with exactly this Cookie field. */
async function ask(proxy: ProxyProcess, cookie: string | null, fields = ""): Promise<string> {
  const answer = await rawRequest(
    proxy.httpPort,
    "GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n" +
      (cookie === null ? "" : `Cookie: ${cookie}\r\n`) +
      `${fields}\r\n`,
  );
  return answer.slice(answer.indexOf("\r\n\r\n") + 4);
}

const group = (proxy: ProxyProcess, value: string): Promise<string> =>
  ask(proxy, `kamal-rollout=${value}`);

/** Cookie values and the least of the percentages at which kamal-proxy sends them to the rollout. */
const percentages = [0, 1, 5, 10, 25, 33, 50, 66, 75, 90, 99, 100];
const splits: [value: string, percentage: number][] = [
  ["1", 25],
  ["2", 25],
  ["3", 25],
  ["42", 66],
  ["1000", 25],
  ["abc", 25],
  ["user-1", 99],
  ["user-2", 99],
  ["user-77", 66],
  ["a", 90],
  ["zz", 50],
  ["costarring", 50],
  ["liquid", 50],
  ["declinate", 90],
  ["macallums", 90],
  ["altarage", 90],
  ["zinke", 90],
  ["9f86d081884c7d65", 90],
  ["f47ac10b-58cc-4372-a567-0e02b2c3d479", 50],
  ["00000000-0000-0000-0000-000000000000", 75],
  ["hello world", 90],
  ["a=b", 5],
  ["x|y", 90],
  ["~", 99],
  ["!#$%&'()*+-./:<>?@[]^_`{}", 25],
  ["16777619", 90],
  ["2166136261", 25],
  ["basecamp", 10],
  ["37signals", 90],
  ["foo@example.com", 50],
];

describe("rollout", () => {
  test("each cookie value falls on the same side as in kamal-proxy", async () => {
    await using web = named("web");
    await using beta = named("beta");
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", web.address);
    await command(proxy, "rollout", "deploy", "web", `--target=${beta.address}`);
    for (const percentage of percentages) {
      await command(proxy, "rollout", "set", "web", `--percent=${percentage}`);
      const found = await Promise.all(splits.map(([value]) => group(proxy, value)));
      const expected = splits.map(([, least]) => (percentage >= least ? "beta" : "web"));
      expect({ percentage, found }).toEqual({ percentage, found: expected });
    }
  });

  test("the cookie is read as kamal-proxy reads it", async () => {
    await using web = named("web");
    await using beta = named("beta");
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", web.address);
    await command(proxy, "rollout", "deploy", "web", `--target=${beta.address}`);
    await command(proxy, "rollout", "set", "web", "--percent=0", "--list=yes,a b", "--list=c");
    const cases: [cookie: string | null, answer: string, fields?: string][] = [
      ["kamal-rollout=yes", "beta"],
      ['kamal-rollout="yes"', "beta"],
      ["a=b; kamal-rollout=yes; c=d", "beta"],
      ["kamal-rollout=a b", "beta"],
      ["kamal-rollout=c", "beta"],
      ["a=b", "beta", "Cookie: kamal-rollout=yes\r\n"],
      ["kamal-rollout=no; kamal-rollout=yes", "web"],
      ["kamal-rollout=YES", "web"],
      ["Kamal-Rollout=yes", "web"],
      ["kamal-rollout=", "web"],
      ["kamal-rollout", "web"],
      ["xkamal-rollout=yes", "web"],
      ["kamal-rollout=a", "web"],
      ["kamal-rollout=yes\xe9", "web"],
      [null, "web"],
    ];
    for (const [cookie, answer, fields] of cases) {
      expect({ cookie, answer: await ask(proxy, cookie, fields) }).toEqual({ cookie, answer });
    }
  });

  test("each set replaces percentage and list together, stop forgets both and keeps the target", async () => {
    await using web = named("web");
    await using beta = named("beta");
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", web.address);
    await command(proxy, "rollout", "deploy", "web", `--target=${beta.address}`);
    expect(await group(proxy, "me")).toBe("web");
    await command(proxy, "rollout", "set", "web", "--list=me");
    expect(await group(proxy, "me")).toBe("beta");
    await command(proxy, "rollout", "set", "web", "--percent=100");
    expect(await group(proxy, "you")).toBe("beta");
    await command(proxy, "rollout", "set", "web", "--list=you");
    expect([await group(proxy, "me"), await group(proxy, "you")]).toEqual(["web", "beta"]);
    await command(proxy, "rollout", "stop", "web");
    expect(await group(proxy, "you")).toBe("web");
    await command(proxy, "rollout", "set", "web", "--percent=100");
    expect(await group(proxy, "you")).toBe("beta");
  });

  test("targets and split outlast deploys and restarts", async () => {
    await using web = named("web");
    await using next = named("next");
    await using beta = named("beta");
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", web.address);
    await command(proxy, "rollout", "deploy", "web", `--target=${beta.address}`);
    await command(proxy, "rollout", "set", "web", "--percent=10", "--list=me");
    await proxy.deploy("web", next.address);
    expect([await group(proxy, "me"), await group(proxy, "you")]).toEqual(["beta", "next"]);
    await proxy.stop();
    await proxy.startAgain();
    expect([await group(proxy, "me"), await group(proxy, "you")]).toEqual(["beta", "next"]);
    expect(await group(proxy, "basecamp")).toBe("beta");
    const [saved] = (await Bun.file(proxy.statePath).json()) as Record<string, unknown>[];
    expect(saved).toMatchObject({
      rollout_targets: [beta.address],
      rollout_controller: {
        percentage: 10,
        percentage_split_point: 429496729.5,
        allowlist: ["me"],
      },
    });
  });

  test("several targets take turns, and a second deploy replaces them", async () => {
    await using web = named("web");
    await using first = named("first");
    await using second = named("second");
    await using third = named("third");
    // Each worker takes turns of its own.
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", web.address);
    const targets = [`--target=${first.address}`, `--target=${second.address}`];
    await command(proxy, "rollout", "deploy", "web", ...targets);
    await command(proxy, "rollout", "set", "web", "--list=me");
    const turns: string[] = [];
    for (let i = 0; i < 4; i++) turns.push(await group(proxy, "me"));
    expect(turns).toEqual(["second", "first", "second", "first"]);
    await command(proxy, "rollout", "deploy", "web", `--target=${third.address}`);
    expect([await group(proxy, "me"), await group(proxy, "me")]).toEqual(["third", "third"]);
  });

  test("its targets keep the options that the service had then, until a restart", async () => {
    const echo = (connectionName: string) =>
      startRawServer(async (connection) => {
        for (;;) {
          const request = await connection.receive("\r\n\r\n");
          const seen = /^X-Forwarded-For: (.*)$/im.exec(request)?.[1] ?? "";
          const body = `${connectionName} ${seen}`;
          connection.send(
            `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
          );
          connection.end();
        }
      });
    using web = echo("web");
    using beta = echo("beta");
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", web.address, "--forward-headers=false");
    await command(proxy, "rollout", "deploy", "web", `--target=${beta.address}`);
    await command(proxy, "rollout", "set", "web", "--list=me");
    await proxy.deploy("web", web.address, "--forward-headers");
    const spoofed = "X-Forwarded-For: 9.9.9.9\r\n";
    expect(await ask(proxy, null, spoofed)).toBe("web 9.9.9.9, 127.0.0.1");
    expect(await ask(proxy, "kamal-rollout=me", spoofed)).toBe("beta 127.0.0.1");
    await proxy.stop();
    await proxy.startAgain();
    expect(await ask(proxy, "kamal-rollout=me", spoofed)).toBe("beta 9.9.9.9, 127.0.0.1");
  });

  test("bad commands name what is wrong and change nothing", async () => {
    await using web = named("web");
    await using sick = named("sick");
    sick.healthy = false;
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", web.address);
    const cases: [string[], string][] = [
      [["set", "web", "--percent=10"], "rollout target not set"],
      [["set", "nobody", "--percent=10"], "service not found"],
      [["stop", "nobody"], "service not found"],
      [["deploy", "nobody", `--target=${web.address}`], "service not found"],
      [["deploy", "web"], 'required flag(s) "target" not set'],
      [["deploy", "web", "--target=!bad"], "!bad :invalid host pattern"],
      [
        ["deploy", "web", `--target=${sick.address}`, "--deploy-timeout=200ms"],
        "target failed to become healthy within configured timeout (200ms)",
      ],
      [["set", "web"], "at least one of the flags in the group [percent list] is required"],
      [
        ["set", "web", "--percent=half"],
        'invalid argument "half" for "--percent" flag: strconv.ParseInt: parsing "half": invalid syntax',
      ],
    ];
    for (const [args, text] of cases) {
      const { code, stdout, stderr } = await proxy.runHere("rollout", ...args);
      expect({ args, code, stdout, matches: stderr.startsWith(`Error: ${text}`), stderr }).toEqual({
        args,
        code: 1,
        stdout: "",
        matches: true,
        stderr,
      });
    }
    await command(proxy, "rollout", "stop", "web");
    const [saved] = (await Bun.file(proxy.statePath).json()) as Record<string, unknown>[];
    expect(saved).toMatchObject({ rollout_controller: null });
    expect(saved?.["rollout_targets"] ?? []).toEqual([]);
    expect(await group(proxy, "me")).toBe("web");
  });

  test("a percentage is between 0 and 100", async () => {
    await using web = named("web");
    await using beta = named("beta");
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", web.address);
    await command(proxy, "rollout", "deploy", "web", `--target=${beta.address}`);
    await command(proxy, "rollout", "set", "web", "--list=me");
    for (const percentage of ["101", "-1", "4294967296"]) {
      const { code, stderr } = await proxy.runHere(
        "rollout",
        "set",
        "web",
        `--percent=${percentage}`,
      );
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: "Error: percent must be between 0 and 100\n",
      });
    }
    expect([await group(proxy, "me"), await group(proxy, "you")]).toEqual(["beta", "web"]);
  });
});
