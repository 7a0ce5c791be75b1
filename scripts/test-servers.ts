/**
 * The servers that some tests run. Where the whole check runs as root (CI), what is missing is installed by
 * Debian's packages; anywhere else nobody's machine is changed, and a line says what is left out.
 */

interface TestServer {
  program: string;
  /** Of Debian and Ubuntu. */
  package: string;
}

export const testServers: readonly TestServer[] = [
  { program: "redis-server", package: "redis-server" },
  { program: "named", package: "bind9" },
];

const installLimitMs = 180_000;
/** Packages must not ask, and need not start what they bring. */
const installEnvironment = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };

export interface TestMachine {
  mayInstall: boolean;
  has(program: string): boolean;
  /** Null, or why it failed. */
  run(command: string[], env: Record<string, string>, limitMs: number): Promise<string | null>;
  say(line: string): void;
}

/** Resolves when all is there that can be had. */
export async function provideTestServers(machine: TestMachine): Promise<void> {
  let reason: string | null = null;
  if (machine.mayInstall && missingOn(machine).length > 0) reason = await install(machine);
  const missing = missingOn(machine);
  if (missing.length === 0) return;
  const programs = missing.map(({ program }) => program).join(", ");
  const packages = missing.map((each) => each.package).join(" ");
  const why = reason === null ? `apt-get install ${packages} brings them` : reason;
  machine.say(`tests with ${programs} are skipped: not installed (${why})`);
}

function missingOn(machine: TestMachine): TestServer[] {
  return testServers.filter(({ program }) => !machine.has(program));
}

/** Null, or why it failed. */
async function install(machine: TestMachine): Promise<string | null> {
  if (!machine.has("apt-get")) return "there is no apt-get";
  const packages = missingOn(machine).map((each) => each.package);
  const command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", ...packages];
  const attempt = (): Promise<string | null> =>
    machine.run(command, installEnvironment, installLimitMs);
  if ((await attempt()) === null) return null;
  // The lists may be old, or there are none.
  const reason = await machine.run(["apt-get", "update", "-q"], installEnvironment, installLimitMs);
  return reason ?? (await attempt());
}

/** Null, or why it failed: the last line that it wrote. */
async function runQuietly(
  command: string[],
  env: Record<string, string>,
  limitMs: number,
): Promise<string | null> {
  const child = Bun.spawn(command, {
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: limitMs,
    killSignal: "SIGKILL",
  });
  const output = child.stderr.text();
  const code = await child.exited;
  if (child.signalCode !== null) return `${command[0]} took more than ${limitMs / 1_000} s`;
  return code === 0 ? null : ((await output).trim().split("\n").at(-1) ?? "");
}

export const thisMachine: TestMachine = {
  mayInstall: Boolean(process.env["CI"]) && process.getuid?.() === 0,
  has: (program) => Bun.which(program, { PATH: `${process.env["PATH"]}:/usr/sbin` }) !== null,
  run: runQuietly,
  say: (line) => console.log(line),
};
