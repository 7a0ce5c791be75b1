import { describe, expect, test } from "bun:test";
import { CommandError } from "../../../src/config/command-error.ts";
import { noServer, runLine, words } from "../../support/command-line.ts";

/** Command line, then the text behind `Error: `. */
const errors: [string, string][] = [
  ["bogus", `unknown command "bogus" for "kamal-proxy"\nRun 'kamal-proxy --help' for usage.`],
  [
    "deplo",
    `unknown command "deplo" for "kamal-proxy"\n\nDid you mean this?\n\tdeploy\n\nRun 'kamal-proxy --help' for usage.`,
  ],
  [
    "re",
    `unknown command "re" for "kamal-proxy"\n\nDid you mean this?\n\trun\n\tremove\n\tresume\n\tset\n\treload\n\nRun 'kamal-proxy --help' for usage.`,
  ],
  [
    "LIS",
    `unknown command "LIS" for "kamal-proxy"\n\nDid you mean this?\n\tlist\n\nRun 'kamal-proxy --help' for usage.`,
  ],
  // Like the original, it does not propose `help`.
  ["helpp", `unknown command "helpp" for "kamal-proxy"\nRun 'kamal-proxy --help' for usage.`],
  [
    "bogus --help",
    `unknown command "bogus" for "kamal-proxy"\nRun 'kamal-proxy --help' for usage.`,
  ],
  [
    "rollout nonsense",
    `unknown command "nonsense" for "kamal-proxy rollout"\nRun 'kamal-proxy rollout --help' for usage.`,
  ],
  [
    "--force deploy x",
    `unknown command "x" for "kamal-proxy"\nRun 'kamal-proxy --help' for usage.`,
  ],
  [
    "--bogus deploy x",
    `unknown command "x" for "kamal-proxy"\nRun 'kamal-proxy --help' for usage.`,
  ],
  ["--bogus", "unknown flag: --bogus"],
  ["-x", "unknown shorthand flag: 'x' in -x"],
  ["rollout --bogus", "unknown flag: --bogus"],
  ["rollout nonsense --bogus", "unknown flag: --bogus"],
  ["help --bogus", "unknown flag: --bogus"],
  ["list x", `unknown command "x" for "kamal-proxy list"`],
  ["ls x y", `unknown command "x" for "kamal-proxy list"`],
  ["rm", "accepts 1 arg(s), received 0"],
  ["remove a b", "accepts 1 arg(s), received 2"],
  ["deploy -- a b", "accepts 1 arg(s), received 2"],
  ["pause a --drain-timeout=-5", timeError("-5", "drain-timeout", `missing unit in duration "-5"`)],
  ["pause a --max-pause 1d", timeError("1d", "max-pause", `unknown unit "d" in duration "1d"`)],
  ["pause a --max-pause=-5s", noServer],
  ["stop a --message", "flag needs an argument: --message"],
  ["rollout --percent 5 set svc", noServer],
  ["rollout set a", "at least one of the flags in the group [percent list] is required"],
  ["rollout set a --list=", noServer],
  ["rollout set a --percent 101", "percent must be between 0 and 100"],
  ["rollout set a --percent=-1", "percent must be between 0 and 100"],
  ["rollout deploy a", `required flag(s) "target" not set`],
  ["rollout deploy a --target=", "at least one target must be given"],
  ["resume a", noServer],
  ["list", noServer],
  ["rollout stop a", noServer],
];

function timeError(value: string, flag: string, reason: string): string {
  return `invalid argument "${value}" for "--${flag}" flag: time: ${reason}`;
}

describe("runProgram", () => {
  test.each(errors)("%s fails with exit code 1 and its text on stderr", async (line, text) => {
    const { exitCode, stdout, stderr } = await runLine(words(line));
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `Error: ${text}\n`,
    });
  });

  test.each([
    ["", "kamal-proxy [command]"],
    ["--help", "kamal-proxy [command]"],
    ["-h", "kamal-proxy [command]"],
    ["--help deploy", "kamal-proxy [command]"],
    ["-- deploy", "kamal-proxy [command]"],
    ["''", "kamal-proxy [command]"],
    ["help", "kamal-proxy [command]"],
    ["rollout", "kamal-proxy rollout [command]"],
    ["rollout nonsense --help", "kamal-proxy rollout [command]"],
    ["help rollout", "kamal-proxy rollout [command]"],
    ["help rollout nonsense", "kamal-proxy rollout [command]"],
    ["help rollout set", "kamal-proxy rollout set <service> [flags]"],
    ["rollout set --help", "kamal-proxy rollout set <service> [flags]"],
    ["help rm", "kamal-proxy remove <service> [flags]"],
    ["help deploy extra", "kamal-proxy deploy <service> [flags]"],
    ["deploy a b -h", "kamal-proxy deploy <service> [flags]"],
    ["help deploy --help", "kamal-proxy help [command] [flags]"],
    ["run -h", "kamal-proxy run [flags]"],
  ])("`%s` shows help on stdout before any other check", async (line, usage) => {
    const { exitCode, stdout, stderr, sent } = await runLine(words(line));
    expect({ exitCode, stderr, sent }).toEqual({ exitCode: 0, stderr: "", sent: undefined });
    expect(stdout).toContain(`Usage:\n  ${usage}\n`);
  });

  test("help for an unknown topic goes to stderr", async () => {
    const { exitCode, stdout, stderr } = await runLine(["help", "a", "b"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "" });
    expect(stderr).toStartWith("Unknown help topic [`a` `b`]\n");
  });

  test.each(["version", "--version"])("%s prints the version", async (argument) => {
    const { exitCode, stdout } = await runLine([argument]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("prints nothing when a command succeeds", async () => {
    const outcome = await runLine(["rm", "web"], { reply: { ok: true } });
    expect(outcome).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "",
      sent: { command: "remove", service: "web" },
      served: undefined,
    });
  });

  test("shows the error of a reply unchanged", async () => {
    const outcome = await runLine(["resume", "web"], {
      reply: { ok: false, error: "service not found" },
    });
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toBe("Error: service not found\n");
  });

  test("shows a lost connection", async () => {
    const outcome = await runLine(["resume", "web"], { reply: new CommandError("unexpected EOF") });
    expect(outcome.stderr).toBe("Error: unexpected EOF\n");
  });

  test("turns an unexpected exception into one line", async () => {
    const outcome = await runLine(["resume", "web"], { reply: new TypeError("a\n  b") });
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toBe("Error: a b\n");
  });
});

describe("the commands", () => {
  test.each([
    ["resume web", { command: "resume", service: "web" }],
    ["rollout stop web", { command: "rollout-stop", service: "web" }],
    ["pause web", { command: "pause", service: "web", drainTimeoutMs: 30_000, maxPauseMs: 30_000 }],
    [
      "pause --max-pause=1m web --drain-timeout .5s",
      { command: "pause", service: "web", drainTimeoutMs: 500, maxPauseMs: 60_000 },
    ],
    [
      "stop web --message 'Back soon' --drain-timeout 0",
      { command: "stop", service: "web", drainTimeoutMs: 0, message: "Back soon" },
    ],
    [
      "rollout set web --percent 0x14 --list a,b --list c",
      { command: "rollout-set", service: "web", percentage: 20, allowlist: ["a", "b", "c"] },
    ],
    [
      "rollout deploy --target a:1 --read-target b web --deploy-timeout=1m --deploy-timeout=2s",
      {
        command: "rollout-deploy",
        service: "web",
        targets: ["a:1"],
        readTargets: ["b"],
        deployTimeoutMs: 2_000,
        drainTimeoutMs: 30_000,
      },
    ],
    ["-- list", undefined],
  ] as const)("%s is sent as one message", async (line, command) => {
    const { sent } = await runLine(words(line), { reply: { ok: true } });
    expect(sent as unknown).toEqual(command);
  });

  test("a positional may begin with a dash behind `--`", async () => {
    const { sent } = await runLine(["resume", "--", "-web"], { reply: { ok: true } });
    expect(sent).toEqual({ command: "resume", service: "-web" });
  });
});
