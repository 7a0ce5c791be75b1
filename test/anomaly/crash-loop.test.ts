/** Killed at any moment, the proxy comes back with every command that had been answered. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";

setDefaultTimeout(240_000);

const rounds = 14;
const commandsPerRound = 3;

test("a killed proxy has lost no command that had returned 0", async () => {
  await using app = startApp(() => new Response("ok"));
  await using proxy = await ProxyProcess.start({ metrics: false });
  const startMs = performance.now();
  await proxy.deploy("measured", app.address, "--host=measured.test");
  const commandMs = performance.now() - startMs;
  /** Whether each service must, must not or may be there. */
  const expected = new Map<string, "present" | "absent" | "either">();
  let answered = 0;
  let cut = 0;

  for (let round = 0; round < rounds; round++) {
    const commands = Array.from({ length: commandsPerRound }, async (_, index) => {
      const service = `app-${(round * commandsPerRound + index) % 7}`;
      const removes = (round + index) % 4 === 3;
      const wasPresent = expected.get(service) === "present";
      const args = removes
        ? ["remove", service]
        : ["deploy", service, `--target=${app.address}`, `--host=${service}.test`];
      expected.set(service, "either");
      const { code } = await proxy.run(...args);
      if (code === 0) {
        answered++;
        expected.set(service, removes ? "absent" : "present");
      } else if (removes && !wasPresent) {
        expected.set(service, "either");
      } else {
        cut++;
      }
    });
    // Long before, within, and just behind the commands.
    const moment = ((round * 17) % rounds) / rounds;
    await Promise.race([Promise.all(commands), Bun.sleep(moment * 3 * commandMs)]);
    await proxy.stop("SIGKILL");
    await Promise.all(commands);

    expect(() => JSON.parse(readState(proxy))).not.toThrow();
    await proxy.startAgain();
    const { stdout } = await proxy.run("list");
    for (const [service, state] of expected) {
      if (state === "either") continue;
      expect(`${service} ${stdout.includes(service) ? "present" : "absent"}`).toBe(
        `${service} ${state}`,
      );
    }
    for (const service of expected.keys()) {
      expected.set(service, stdout.includes(service) ? "present" : "absent");
    }
  }
  // Otherwise the kills came all too early or all too late.
  expect(answered).toBeGreaterThan(2);
  expect(cut).toBeGreaterThan(2);
});

/** A proxy that was killed before its first save has none. */
function readState(proxy: ProxyProcess): string {
  try {
    return readFileSync(proxy.statePath, "utf8");
  } catch {
    return "[]";
  }
}
