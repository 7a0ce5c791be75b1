import { describe, expect, test } from "bun:test";
import { parseCommand } from "../../../../src/control-plane/socket/protocol-schema.ts";
import type { Command } from "../../../../src/control-plane/socket/protocol.ts";
import { deployCommand } from "../../../support/service-options.ts";

const commands: Command[] = [
  deployCommand("web", ["web:80"]),
  {
    command: "rollout-deploy",
    service: "web",
    targets: ["web:80"],
    readTargets: [],
    deployTimeoutMs: 1,
    drainTimeoutMs: 2.5,
  },
  { command: "rollout-set", service: "web", percentage: 5, allowlist: ["a"] },
  { command: "rollout-stop", service: "web" },
  { command: "pause", service: "web", drainTimeoutMs: 1, maxPauseMs: 2 },
  { command: "stop", service: "web", drainTimeoutMs: 1, message: "" },
  { command: "resume", service: "web" },
  { command: "remove", service: "web" },
  { command: "list" },
];

describe("command schema", () => {
  test.each(commands)("$command is taken as it is", (command) => {
    expect(parseCommand(JSON.parse(JSON.stringify(command)))).toEqual(command);
  });

  test("a wrong field is named", () => {
    const wrong = deployCommand("web", ["web:80"]);
    const payload = { ...wrong, options: { ...wrong.options, hosts: ["a", 1] } };
    expect(() => parseCommand(payload)).toThrow(/malformed command \(options\.hosts\.1\)/);
    expect(() => parseCommand({ command: "pause", service: "web", drainTimeoutMs: 1 })).toThrow(
      /\(maxPauseMs\)/,
    );
    expect(() => parseCommand({ command: "resume", service: 1 })).toThrow(/\(service\)/);
  });

  test("what is no command is refused", () => {
    for (const payload of [null, 1, [], {}, { command: "explode" }, { command: "list", x: 1 }]) {
      expect(() => parseCommand(payload)).toThrow(/malformed command/);
    }
  });
});
