/** `list`, and the texts and exit codes of commands that reach the proxy. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startApp, type App } from "../support/app.ts";
import { proxyCommand, ProxyProcess } from "../support/proxy-process.ts";

let proxy: ProxyProcess;
let app: App;

beforeAll(async () => {
  app = startApp(() => new Response("ok"));
  proxy = await ProxyProcess.start();
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

describe("list", () => {
  test("of nothing is the heading alone", async () => {
    const result = await proxy.runHere("list");
    expect(result.code).toBe(0);
    expect(result.stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(result.stdout).toContain("Service");
  });

  test("has a line for each service, by name, aligned and in kamal-proxy's colours", async () => {
    const { address } = app;
    await proxy.deploy("web", `${address},${address}`, "--host=a.example.com,b.example.com");
    await proxy.deploy("any", address, "--path-prefix=/x", "--path-prefix=y/");
    await proxy.deploy("secure", address, "--host=s", "--tls", `--read-target=${address}`);
    await proxy.runHere("pause", "web");
    await proxy.runHere("stop", "any");
    const result = await proxy.runHere("ls");
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const rows = [
      ["Service", "Host", "Path", "Target", "State", "TLS"],
      ["any", "*", "/x,/y", address, "stopped", "no"],
      ["secure", "s", "/", `${address},${address}`, "running", "yes"],
      ["web", "a.example.com,b.example.com", "/", `${address},${address}`, "paused", "no"],
    ];
    const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
    const colours = (row: number, column: number): string =>
      row === 0 ? "\x1b[3;94m" : column === 0 ? "\x1b[1;34m" : "\x1b[m";
    const expected = rows.map((row, r) =>
      row
        .map(
          (cell, c) => `${colours(r, c)}${cell}\x1b[0m${" ".repeat(widths[c]! - cell.length + 2)}`,
        )
        .join(""),
    );
    expect(result.stdout).toBe(`${expected.join("\n")}\n`);
  });

  test("--json has the same for programs", async () => {
    const result = await proxy.runHere("list", "--json");
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const services = JSON.parse(result.stdout) as Record<string, { state: string }>;
    expect(Object.keys(services).toSorted()).toEqual(["any", "secure", "web"]);
    expect(services).toMatchObject({
      any: { state: "stopped" },
      secure: { state: "running" },
      web: { state: "paused" },
    });
  });
});

describe("commands for a service that is not there", () => {
  test.each([
    "remove nobody",
    "pause nobody",
    "stop nobody",
    "resume nobody",
    "rollout deploy nobody --target=x",
    "rollout set nobody --percent=1",
    "rollout stop nobody",
  ])("%s fails", async (command) => {
    expect(await proxy.runHere(...command.split(" "))).toEqual({
      code: 1,
      stdout: "",
      stderr: "Error: service not found\n",
    });
  });
});

describe("commands that succeed say nothing", () => {
  test("in the order of a service's life", async () => {
    const target = `--target=${app.address}`;
    for (const args of [
      ["deploy", "life", target, "--host=life"],
      ["pause", "life"],
      ["pause", "life", "--max-pause=1s"],
      ["resume", "life"],
      ["resume", "life"],
      ["stop", "life", "--message=bye"],
      ["resume", "life"],
      ["rollout", "stop", "life"],
      ["rollout", "deploy", "life", target],
      ["rollout", "set", "life", "--percent=50"],
      ["rollout", "stop", "life"],
      ["remove", "life"],
    ]) {
      expect([args, await proxy.runHere(...args)]).toEqual([
        args,
        { code: 0, stdout: "", stderr: "" },
      ]);
    }
  });

  test("rollout set without rollout targets fails", async () => {
    await proxy.deploy("alone", app.address, "--host=alone");
    expect(await proxy.runHere("rollout", "set", "alone", "--percent=10")).toEqual({
      code: 1,
      stdout: "",
      stderr: "Error: rollout target not set\n",
    });
  });
});

describe("commands without a proxy", () => {
  test.each(["list", "deploy web --target=x", "remove web", "pause web", "rollout stop web"])(
    "%s names the socket",
    async (command) => {
      const gone = `${proxy.socketPath}.gone`;
      const child = Bun.spawn([...proxyCommand(), ...command.split(" ")], {
        env: { ...proxy.env, KAMAL_PROXY_SOCKET: gone },
        stdout: "pipe",
        stderr: "pipe",
      });
      expect(await child.stderr.text()).toBe(
        `Error: dial unix ${gone}: connect: no such file or directory\n`,
      );
      expect(await child.stdout.text()).toBe("");
      expect(await child.exited).toBe(1);
    },
  );
});

test.each(["version", "list", "completion bash", "remove nobody"])(
  "what %s says is added to a file that both outputs append to",
  async (command) => {
    const path = join(proxy.home, "output");
    writeFileSync(path, "before\n");
    const args = command.split(" ");
    const script = ["sh", "-c", 'exec "$@" >> "$0" 2>&1', path, ...proxyCommand(), ...args];
    await Bun.spawn(script, { env: proxy.env, stdin: "ignore" }).exited;
    const { stdout, stderr } = await proxy.runHere(...args);
    expect(readFileSync(path, "utf8")).toBe(`before\n${stdout}${stderr}`);
  },
);

test("a command whose output nobody reads any more ends without a word", async () => {
  // The shell waits for its input until the reader is gone, then it becomes the command.
  const script = ["sh", "-c", 'read -r go; exec "$@"', "sh", ...proxyCommand(), "help"];
  const child = Bun.spawn(script, { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  await child.stdout.cancel();
  void child.stdin.write("go\n");
  await child.stdin.end();
  expect(await new Response(child.stderr).text()).toBe("");
  // As a shell shows an end by SIGPIPE.
  expect(await child.exited).toBe(141);
});
