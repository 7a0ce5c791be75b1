import { describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { runLine } from "../../support/command-line.ts";
import { tempFolder } from "../../support/temp-folder.ts";

async function scriptFor(shell: string): Promise<string> {
  const { exitCode, stdout, stderr } = await runLine(["completion", shell]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout;
}

const shellArguments = {
  bash: ["bash", "--norc", "-c"],
  zsh: ["zsh", "-f", "-c"],
  fish: ["fish", "--no-config", "-c"],
};

/** Runs a program in a folder with a file, a folder and a `kamal-proxy` that lists these services. */
function runShell(
  shell: keyof typeof shellArguments,
  program: string,
  words: string[],
  services: string[],
): string[] {
  using folder = tempFolder();
  const rows = services.map((name) => `\\033[1;34m${name}\\033[0m  \\033[m*\\033[0m\\n`);
  writeFileSync(
    folder.file("kamal-proxy"),
    `#!/bin/sh\nprintf '\\033[3;94mService\\033[0m  Host\\n${rows.join("")}'\n`,
  );
  chmodSync(folder.file("kamal-proxy"), 0o755);
  const command = [...shellArguments[shell], program];
  // What follows is $0 in bash and zsh, and the first argument in fish.
  if (shell !== "fish") command.push(shell);
  const child = Bun.spawnSync([...command, ...words], {
    cwd: folder.path,
    env: { PATH: `${folder.path}:${process.env["PATH"]}`, HOME: folder.path },
  });
  expect(child.stderr.toString()).toBe("");
  return child.stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}

/** What bash would offer for the last of the words, with a proxy that has these services. */
async function candidates(words: string[], services: string[] = []): Promise<string[]> {
  const program = `${await scriptFor("bash")}
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_kamal_proxy
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return runShell("bash", program, ["kamal-proxy", ...words], services);
}

/** What the script tells zsh's completion system, which is not there without a terminal. */
async function zshCandidates(words: string[], services: string[] = []): Promise<string[]> {
  const program = `
compdef() { : }
compset() { : }
_files() { print -r -- "files" }
_describe() { print -rl -- \${(P)@[-1]} }
${await scriptFor("zsh")}
words=("$@") CURRENT=$#
_kamal_proxy`;
  const lines = runShell("zsh", program, ["kamal-proxy", ...words], services);
  const prefix = words.at(-1)!;
  return lines
    .map((line) => line.split(":", 1)[0]!)
    .filter((word) => prefix.includes("=") || word === "files" || word.startsWith(prefix));
}

async function fishCandidates(line: string, services: string[] = []): Promise<string[]> {
  const program = `${await scriptFor("fish")}\ncomplete -C $argv[1]`;
  return runShell("fish", program, [line], services).map((text) => text.split("\t", 1)[0]!);
}

describe.skipIf(Bun.which("bash") === null)("completion in bash", () => {
  test("offers commands, also those of a group", async () => {
    expect(await candidates(["re"])).toEqual(["remove", "resume", "reload"]);
    expect(await candidates(["rollout", ""])).toEqual(["auto", "deploy", "set", "stop"]);
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

  test("offers the values of a switch behind its =", async () => {
    const words = ["deploy", "web", "--tls-redirect", "="];
    expect(await candidates(words, ["web"])).toEqual(["true", "false"]);
    expect(await candidates([...words, "f"], ["web"])).toEqual(["false"]);
    expect(await candidates(["deploy", "web", "--target", "="], ["web"])).toEqual([]);
  });
});

describe.skipIf(Bun.which("zsh") === null)("completion in zsh", () => {
  test("offers commands, flags and services", async () => {
    expect((await zshCandidates(["re"])).toSorted()).toEqual(["reload", "remove", "resume"]);
    expect(await zshCandidates(["rollout", ""])).toEqual(["auto", "deploy", "set", "stop"]);
    expect(await zshCandidates(["rollout", "set", "web", "--p"])).toEqual(["--percent"]);
    expect(await zshCandidates(["rm", "app-"], ["app-web", "blog"])).toEqual(["app-web"]);
  });

  test("offers files only where a flag wants one, also behind its =", async () => {
    expect(await zshCandidates(["deploy", "web", "--error-pages", ""])).toEqual(["files"]);
    expect(await zshCandidates(["deploy", "web", "--error-pages=pa"])).toEqual(["files"]);
    expect(await zshCandidates(["deploy", "web", "--target", ""], ["web"])).toEqual([]);
    expect(await zshCandidates(["deploy", "web", "--target=w"], ["web"])).toEqual([]);
  });

  test("offers the values of a switch behind its =", async () => {
    expect(await zshCandidates(["deploy", "web", "--tls-redirect="], ["web"])).toEqual([
      "true",
      "false",
    ]);
  });
});

describe.skipIf(Bun.which("fish") === null)("completion in fish", () => {
  test("offers commands, flags and services", async () => {
    expect((await fishCandidates("kamal-proxy re")).toSorted()).toEqual([
      "reload",
      "remove",
      "resume",
    ]);
    expect(await fishCandidates("kamal-proxy rollout ")).toEqual(["auto", "deploy", "set", "stop"]);
    expect(await fishCandidates("kamal-proxy rollout set web --p")).toEqual(["--percent"]);
    expect(await fishCandidates("kamal-proxy rm app-", ["app-web", "blog"])).toEqual(["app-web"]);
  });

  test("offers files only where a flag wants one, also behind its =", async () => {
    const line = "kamal-proxy deploy web --error-pages";
    expect(await fishCandidates(`${line} kamal`)).toEqual(["kamal-proxy"]);
    expect(await fishCandidates(`${line}=kamal`)).toEqual([`--error-pages=kamal-proxy`]);
    expect(await fishCandidates("kamal-proxy deploy web --target ", ["web"])).toEqual([]);
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
