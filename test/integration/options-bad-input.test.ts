import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { healthCheckSettings } from "../../src/config/settings.ts";
import { decodeMessage, encodeMessage } from "../../src/control-plane/socket/framing.ts";
import { proxyPool } from "../support/proxy-pool.ts";
import type { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { startScriptedApp } from "../support/scripted-app.ts";
import { deployCommand, serviceOptions, targetOptions } from "../support/service-options.ts";
import { within } from "../support/wait-for.ts";

const proxies = proxyPool();

setDefaultTimeout(30_000);

async function statusOf(proxy: ProxyProcess, host = "web.test", fields = ""): Promise<number> {
  using client = await connectRaw(proxy.httpPort);
  client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`);
  return (await readResponse(client)).status;
}

/** Sends bytes to the control socket; resolves to what came back until it was closed. */
async function tell(proxy: ProxyProcess, bytes: string | Uint8Array): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let received = "";
  let unsent = Buffer.from(bytes as string);
  const sendMore = (socket: Bun.Socket): void => {
    const taken = socket.write(unsent);
    if (taken > 0) unsent = unsent.subarray(taken);
  };
  await Bun.connect({
    unix: proxy.socketPath,
    socket: {
      open: sendMore,
      drain: sendMore,
      data: (_socket, chunk) => void (received += chunk.toString()),
      close: () => resolve(received),
      error: () => resolve(received),
    },
  });
  return await within(promise, "the control connection to be closed");
}

interface ErrorReply {
  ok: boolean;
  error?: string;
}

/** The error that a command is answered with. */
async function refusal(proxy: ProxyProcess, command: unknown): Promise<string> {
  const decoded = decodeMessage(await tell(proxy, encodeMessage(command)));
  if (decoded.kind !== "payload") return `no reply: ${decoded.kind}`;
  const reply = decoded.payload as ErrorReply;
  return reply.ok ? "accepted" : (reply.error ?? "");
}

describe("bad flags of deploy", () => {
  test("each is named, and what is deployed goes on", async () => {
    using app = startScriptedApp();
    using newer = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--host=web.test");
    await proxy.deploy("taken", app.address, "--host=taken.test", "--path-prefix=/taken");
    const before = readFileSync(proxy.statePath, "utf8");
    const invalid = (flag: string, value: string, reason: string): string =>
      `invalid argument "${value}" for "--${flag}" flag: ${reason}`;
    const number = (text: string, kind = "Int"): string =>
      `strconv.Parse${kind}: parsing "${text}": invalid syntax`;
    const options = (text: string): string => `service options invalid: ${text}`;
    const cases: [flags: string[], error: string][] = [
      [["--buffer-requests=maybe"], invalid("buffer-requests", "maybe", number("maybe", "Bool"))],
      [["--buffer-memory=1k"], invalid("buffer-memory", "1k", number("1k"))],
      [
        ["--max-request-body=9223372036854775808"],
        invalid(
          "max-request-body",
          "9223372036854775808",
          'strconv.ParseInt: parsing "9223372036854775808": value out of range',
        ),
      ],
      [
        ["--target-timeout=5"],
        invalid("target-timeout", "5", 'time: missing unit in duration "5"'),
      ],
      [
        ["--writer-affinity-timeout=1d"],
        invalid("writer-affinity-timeout", "1d", 'time: unknown unit "d" in duration "1d"'),
      ],
      [["--read-target=http://x"], "http://x :invalid host pattern"],
      [["--bogus"], "unknown flag: --bogus"],
      [["-x"], "unknown shorthand flag: 'x' in -x"],
      [["--client-ip-header"], "flag needs an argument: --client-ip-header"],
      [["extra"], "accepts 1 arg(s), received 2"],
      [["--tls"], options("host must be set when using TLS")],
      [
        ["--tls", "--host=a.test", "--path-prefix=/x"],
        options("TLS settings must be specified on the root path service"),
      ],
      [
        ["--canonical-host=c.test", "--host=a.test"],
        options("canonical-host 'c.test' must be present in the hosts list: [a.test]"),
      ],
      [
        ["--host=taken.test", "--path-prefix=/taken/"],
        'host settings conflict with another service: "taken" has taken.test at /taken',
      ],
      [
        ["--error-pages=/nowhere"],
        "unable to load error pages: ENOENT: no such file or directory, scandir '/nowhere'",
      ],
    ];
    for (const [flags, error] of cases) {
      const result = await proxy.runHere("deploy", "web", `--target=${newer.address}`, ...flags);
      expect({ flags, ...result }).toEqual({
        flags,
        code: 1,
        stdout: "",
        stderr: `Error: ${error}\n`,
      });
    }
    expect(readFileSync(proxy.statePath, "utf8")).toBe(before);
    expect(await statusOf(proxy)).toBe(200);
    expect([app.requests.length, newer.requests.length]).toEqual([1, 0]);
  });

  test("values that would harm are refused where kamal-proxy takes them", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    const cases: [flags: string[], error: string][] = [
      [["--target="], "at least one target must be given"],
      [
        [`--target=${app.address}`, "--health-check-interval=0s"],
        "health-check-interval must be greater than 0s",
      ],
      [
        [`--target=${app.address}`, "--health-check-port=65536"],
        "health-check-port must be between 0 and 65535",
      ],
      [
        [`--target=${app.address}`, "--health-check-host=a\r\nX-Forged: b"],
        "health-check-host must not have blanks or control characters",
      ],
    ];
    for (const [flags, error] of cases) {
      expect({ flags, ...(await proxy.runHere("deploy", "web", ...flags)) }).toEqual({
        flags,
        code: 1,
        stdout: "",
        stderr: `Error: ${error}\n`,
      });
    }
    expect(await statusOf(proxy)).toBe(404);
  });
});

describe("bad messages on the control socket", () => {
  test("nonsense ends its own connection only", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    const before = readFileSync(proxy.statePath, "utf8");
    const messages = [
      "\n",
      "nonsense\n",
      "{}\n",
      "[]\n",
      "null\n",
      `{"protocol":1}\n`,
      `{"protocol":"1","payload":{"command":"list"}}\n`,
      `{"protocol":999,"payload":{"command":"remove","service":"web"}}\n`,
      `{"protocol":1,"payload":{"command":"remove","service":"web"}`.repeat(2) + "\n",
      `{"protocol":1,"payload":${"[".repeat(50_000)}\n`,
      Buffer.from([0xff, 0xfe, 0, 10]),
      Buffer.alloc(3 * 1024 * 1024, "x"),
    ];
    for (const message of messages) {
      const reply = await tell(proxy, message);
      expect(reply).not.toContain('"ok":true');
    }
    expect(readFileSync(proxy.statePath, "utf8")).toBe(before);
    expect(await statusOf(proxy)).toBe(200);
    expect((await proxy.runHere("list")).code).toBe(0);
  });

  test("commands that no client sends are refused, and nothing changes", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address);
    const before = readFileSync(proxy.statePath, "utf8");
    const deploy = (changes: object): unknown => ({
      ...deployCommand("web", [app.address]),
      ...changes,
    });
    const commands: unknown[] = [
      "list",
      { command: "explode", service: "web" },
      { command: "__proto__", service: "web" },
      { command: "pause", service: "web" },
      { command: "pause", service: "web", drainTimeoutMs: "1", maxPauseMs: 1 },
      { command: "pause", service: ["web"], drainTimeoutMs: 1, maxPauseMs: 1 },
      { command: "stop", service: "web", drainTimeoutMs: 1, message: { toString: 1 } },
      { command: "rollout-set", service: "web", percentage: null, allowlist: [] },
      { command: "rollout-set", service: "web", percentage: 5, allowlist: [1] },
      deploy({ targets: [] }),
      deploy({ targets: ["!"] }),
      deploy({ targets: app.address }),
      deploy({ options: null }),
      deploy({ options: serviceOptions({ tlsEnabled: true }) }),
      deploy({ options: { ...serviceOptions(), hosts: "web.test" } }),
      deploy({ options: serviceOptions({ errorPagePath: "/nowhere" }) }),
      deploy({ targetOptions: { ...targetOptions(), responseTimeoutMs: "soon" } }),
      deploy({
        targetOptions: targetOptions({
          healthCheck: {
            protocol: "http",
            path: "/up",
            port: 0,
            host: "",
            intervalMs: 0,
            timeoutMs: healthCheckSettings.timeoutMs.fallback,
          },
        }),
      }),
    ];
    for (const command of commands) {
      const error = await refusal(proxy, command);
      expect({ command, error }).not.toEqual({ command, error: "accepted" });
      expect({ command, error }).not.toEqual({ command, error: "" });
    }
    expect(readFileSync(proxy.statePath, "utf8")).toBe(before);
    expect(await statusOf(proxy)).toBe(200);
  });
});

describe("bad entries in the saved state", () => {
  test("concern their own service only and are kept", async () => {
    using app = startScriptedApp();
    await using proxy = await proxies.borrow();
    for (const name of ["good", "odd", "worse", "bare"]) {
      await proxy.deploy(name, app.address, `--host=${name}.test`);
    }
    await proxy.stop();
    const state = JSON.parse(readFileSync(proxy.statePath, "utf8")) as Record<string, unknown>[];
    for (const service of state) {
      if (service["name"] === "odd") service["active_targets"] = ["!bad:target"];
      if (service["name"] === "worse") service["options"] = "none";
      if (service["name"] === "bare") {
        delete service["pause_controller"];
        delete service["rollout_controller"];
        service["rollout_targets"] = null;
      }
    }
    writeFileSync(proxy.statePath, JSON.stringify(state));
    await proxy.startAgain();
    expect(await statusOf(proxy, "good.test")).toBe(200);
    expect(await statusOf(proxy, "bare.test")).toBe(200);
    expect((await proxy.runHere("pause", "good", "--max-pause=0")).code).toBe(0);
    const kept = JSON.parse(readFileSync(proxy.statePath, "utf8")) as Record<string, unknown>[];
    const names = kept.map((service) => service["name"] as string);
    expect(names.toSorted((a, b) => a.localeCompare(b))).toEqual(["bare", "good", "odd", "worse"]);
    expect((await proxy.runHere("deploy", "odd", `--target=${app.address}`)).code).toBe(0);
    expect(await statusOf(proxy, "anything.test")).toBe(200);
  });
});

describe("bad cookies", () => {
  test("are ignored and reach the app as they came", async () => {
    using app = startScriptedApp();
    using reader = startScriptedApp();
    using beta = startScriptedApp();
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, `--read-target=${reader.address}`);
    await proxy.runHere("rollout", "deploy", "web", `--target=${beta.address}`);
    await proxy.runHere("rollout", "set", "web", "--percent=100");
    const cookies = ["=", ";;;", "kamal-rollout", '"', "kamal-writer=;kamal-rollout=;", "\xff\xfe"];
    for (const cookie of cookies) {
      expect(await statusOf(proxy, "web.test", `Cookie: ${cookie}\r\n`)).toBe(200);
      const sent = reader.requests.at(-1)?.fields.find(([name]) => name === "cookie")?.[1];
      expect(sent).toBe(cookie);
    }
    expect([app.requests.length, beta.requests.length]).toEqual([0, 0]);
  });
});
