import { describe, expect, test } from "bun:test";
import { runLine } from "../../support/command-line.ts";

async function help(command: string, environment = {}): Promise<string> {
  return (await runLine([...command.split(" "), "--help"], { environment })).stdout;
}

describe("the help", () => {
  test.each([
    ["deploy", /^ {6}--target strings {2,}\S/m],
    ["deploy", /^ {6}--deploy-timeout duration .*\(default 30s\)$/m],
    ["deploy", /^ {6}--health-check-path string .*\(default "\/up"\)$/m],
    ["deploy", /^ {6}--tls-redirect {2,}.*\(default true\)$/m],
    ["deploy", /^ {6}--buffer-memory int .*\(default 1048576\)$/m],
    ["deploy", /^ {6}--tls-acme-cache-path .*"\/home\/me\/.config\/kamal-proxy\/certs"\)$/m],
    ["deploy", /^ {2}-h, --help {2,}\S/m],
    ["pause", /^ {6}--max-pause duration .*\(default 30s\)$/m],
    ["rollout set", /^ {6}--percent int /m],
    ["run", /^ {6}--http-port int .*\(default 80\) \[KAMAL_PROXY_HTTP_PORT, HTTP_PORT\]$/m],
    ["run", /^ {6}--http3 .*\[KAMAL_PROXY_HTTP3, HTTP3\]$/m],
    ["run", /^ {2}KAMAL_PROXY_HEADER_TIMEOUT .*\(default 1m0s\)$/m],
    ["run", /^ {2}KAMAL_PROXY_BUFFER_MEMORY_TOTAL .*\(default 268435456\)$/m],
    ["list", /^ {2}list, ls$/m],
  ])("of %s has %p", async (command, pattern) => {
    expect(await help(command)).toMatch(pattern);
  });

  test("shows values of the environment as defaults", async () => {
    expect(await help("run", { HTTP_PORT: "8080", DEBUG: "1" })).toMatch(
      /--debug .*\(default true\)[^]*--http-port int .*\(default 8080\)/,
    );
  });

  test("sorts the flags by name", async () => {
    const names = [...(await help("deploy")).matchAll(/--([a-z0-9-]+) .*/g)].map((m) => m[1]!);
    expect(names.length).toBeGreaterThan(35);
    const flags = names.filter((name, index) => names.indexOf(name) === index);
    expect(flags).toEqual(flags.toSorted());
  });

  test("of the program names each command", async () => {
    const { stdout } = await runLine([]);
    const names = [...stdout.matchAll(/^ {2}([a-z]+) {3,}\S/gm)].map((match) => match[1]);
    expect(names).toEqual([
      "certificates",
      "completion",
      "deploy",
      "doctor",
      "help",
      "list",
      "pause",
      "reload",
      "remove",
      "resume",
      "rollout",
      "run",
      "set",
      "stop",
      "top",
      "unset",
      "upgrade",
      "version",
    ]);
  });
});
