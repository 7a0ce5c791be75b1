import { describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { runLine } from "../../support/command-line.ts";
import { tempFolder } from "../../support/temp-folder.ts";

async function scriptFor(shell: string): Promise<string> {
  const { exitCode, stdout, stderr } = await runLine(["completion", shell]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout;
}

/** What bash would offer for the last of the words, with a proxy that has these services. */
async function candidates(words: string[], services: string[] = []): Promise<string[]> {
  using folder = tempFolder();
  const rows = services.map((name) => `\\033[1;34m${name}\\033[0m  \\033[m*\\033[0m\\n`);
  writeFileSync(
    folder.file("kamal-proxy"),
    `#!/bin/sh\nprintf '\\033[3;94mService\\033[0m  Host\\n${rows.join("")}'\n`,
  );
  chmodSync(folder.file("kamal-proxy"), 0o755);
  const program = `${await scriptFor("bash")}
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_kamal_proxy
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const child = Bun.spawnSync(["bash", "--norc", "-c", program, "bash", "kamal-proxy", ...words], {
    cwd: folder.path,
    env: { PATH: `${folder.path}:${process.env["PATH"]}` },
  });
  expect(child.stderr.toString()).toBe("");
  return child.stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}

describe.skipIf(Bun.which("bash") === null)("completion in bash", () => {
  test("offers commands, also those of a group", async () => {
    expect(await candidates(["re"])).toEqual(["remove", "resume"]);
    expect(await candidates(["rollout", ""])).toEqual(["deploy", "set", "stop"]);
    expect(await candidates(["help", "rol"])).toEqual(["rollout"]);
    expect(await candidates(["completion", ""])).toEqual(["bash", "zsh", "fish"]);
  });

  test("offers the flags of the command that was typed", async () => {
    expect(await candidates(["deploy", "web", "--tls-p"])).toEqual(["--tls-private-key-path"]);
    expect(await candidates(["rollout", "deploy", "--t"])).toEqual(["--target"]);
    expect(await candidates(["rollout", "set", "web", "--"])).toEqual([
      "--percent",
      "--list",
      "--help",
    ]);
    expect(await candidates(["--v"])).toEqual(["--version"]);
  });

  test("offers the services of the running proxy, also for an alias", async () => {
    const services = ["app-web", "app-admin", "blog"];
    expect(await candidates(["pause", ""], services)).toEqual(services);
    expect(await candidates(["rm", "app-"], services)).toEqual(["app-web", "app-admin"]);
    expect(await candidates(["list", ""], services)).toEqual([]);
  });

  test("offers files only where a flag wants one, and no commands as values", async () => {
    expect(await candidates(["deploy", "web", "--tls-certificate-path", "kamal"])).toEqual([
      "kamal-proxy",
    ]);
    expect(await candidates(["deploy", "web", "--error-pages", "=", "kamal"])).toEqual([
      "kamal-proxy",
    ]);
    expect(await candidates(["deploy", "web", "--target", ""], ["web"])).toEqual([]);
  });
});

describe("completion scripts", () => {
  test.skipIf(Bun.which("zsh") === null)("zsh accepts its script", async () => {
    const child = Bun.spawnSync(["zsh", "-n"], { stdin: Buffer.from(await scriptFor("zsh")) });
    expect(child.stderr.toString()).toBe("");
    expect(child.exitCode).toBe(0);
  });

  test.skipIf(Bun.which("fish") === null)("fish accepts its script", async () => {
    const stdin = Buffer.from(await scriptFor("fish"));
    const child = Bun.spawnSync(["fish", "--no-execute"], { stdin });
    expect(child.stderr.toString()).toBe("");
    expect(child.exitCode).toBe(0);
  });

  test.each(["bash", "zsh", "fish"])("%s script names every command and flag", async (shell) => {
    const script = await scriptFor(shell);
    for (const name of ["deploy", "rollout", "completion", "metrics-port", "tls-on-demand-url"]) {
      expect(script).toContain(name);
    }
  });

  test("another shell is an error that names those there are", async () => {
    const { exitCode, stderr } = await runLine(["completion", "tcsh"]);
    expect(exitCode).toBe(1);
    expect(stderr).toBe('Error: unknown shell "tcsh": use one of bash, zsh, fish\n');
  });
});
