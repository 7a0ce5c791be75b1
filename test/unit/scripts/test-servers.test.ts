import { expect, test } from "bun:test";
import { provideTestServers, type TestMachine } from "../../../scripts/test-servers.ts";

interface Machine extends TestMachine {
  said: string[];
  commands: string[];
}

/** `outcomes`: of the commands, in their order; those that succeed bring the packages that they name. */
function machineWith(
  programs: string[],
  mayInstall: boolean,
  outcomes: (string | null)[],
): Machine {
  const installed = new Set(programs);
  const said: string[] = [];
  const commands: string[] = [];
  return {
    said,
    commands,
    mayInstall,
    has: (program) => installed.has(program),
    say: (line) => void said.push(line),
    async run(command) {
      commands.push(command.filter((word) => !word.startsWith("-")).join(" "));
      const outcome = outcomes.shift() ?? null;
      if (outcome === null && command.includes("bind9")) installed.add("named");
      if (outcome === null && command.includes("redis-server")) installed.add("redis-server");
      return outcome;
    },
  };
}

test("what is missing is installed where that is allowed, with fresh lists if need be", async () => {
  const machine = machineWith(["apt-get", "named"], true, ["no such package", null, null]);
  await provideTestServers(machine);
  expect(machine.commands).toEqual([
    "apt-get install redis-server",
    "apt-get update",
    "apt-get install redis-server",
  ]);
  expect(machine.said).toEqual([]);
});

test("nothing is installed where all is there, and nobody's machine is changed", async () => {
  for (const mayInstall of [true, false]) {
    const machine = machineWith(["redis-server", "named"], mayInstall, []);
    await provideTestServers(machine);
    expect([machine.commands, machine.said]).toEqual([[], []]);
  }
  const machine = machineWith(["apt-get"], false, []);
  await provideTestServers(machine);
  expect(machine.commands).toEqual([]);
  expect(machine.said).toEqual([
    "tests with redis-server, named are skipped: not installed (apt-get install redis-server bind9 brings them)",
  ]);
});

test.each([
  [["apt-get", "named"], ["x", "no network"], "no network"],
  [["named"], [], "there is no apt-get"],
])("what can't be had is said with the reason: %#", async (programs, outcomes, reason) => {
  const machine = machineWith(programs, true, outcomes);
  await provideTestServers(machine);
  expect(machine.said).toEqual([`tests with redis-server are skipped: not installed (${reason})`]);
});
