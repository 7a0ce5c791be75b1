/** Killed at any moment, the proxy comes back with every command that had been answered. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { ServiceDescriptions } from "../../src/control-plane/socket/protocol.ts";
import { type App, startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";

setDefaultTimeout(240_000);

const rounds = 12;
const operators = 3;
const servicesEach = 2;

test("a killed proxy has lost no command that had returned 0", async () => {
  await using app = startApp(() => new Response("ok"));
  await using proxy = await ProxyProcess.start({ metrics: false });
  /** The path prefix that each service may have by now: what was answered last, and what was cut since. */
  const possible = new Map<string, Set<string>>();
  let number = 0;
  const counts = { answered: 0, cut: 0 };

  // Some commands are answered in each round; of those under way nearly all are cut, whatever the load.
  for (let round = 0; round < rounds || counts.cut < rounds; round++) {
    const wanted = 1 + ((round * 5) % 8);
    const answeredBefore = counts.answered;
    const enough = Promise.withResolvers<void>();
    const killed = new AbortController();
    // Each operator gives one command after the other, so that all have one under way when the kill comes.
    const operate = async (operator: number): Promise<void> => {
      while (!killed.signal.aborted) {
        number++;
        const service = `app-${operator}-${number % servicesEach}`;
        const before = possible.get(service) ?? new Set([absent]);
        const wish = number % 5 === 0 && !before.has(absent) ? absent : `/v${number}`;
        const { code, stderr } = await proxy.runHere(...command(service, wish, app));
        if (code === 0) {
          counts.answered++;
          possible.set(service, new Set([wish]));
        } else {
          if (!killed.signal.aborted) throw new Error(`${service} to ${wish}: ${stderr}`);
          counts.cut++;
          possible.set(service, new Set([...before, wish]));
        }
        if (counts.answered - answeredBefore >= wanted) enough.resolve();
      }
    };
    const startMs = performance.now();
    const operating = Promise.all(Array.from({ length: operators }, (_, index) => operate(index)));
    await Promise.race([enough.promise, operating]);
    // Just behind an answer, or some way into the next commands.
    const commandMs = (performance.now() - startMs) / Math.ceil(wanted / operators);
    await Bun.sleep(((round % 4) / 4) * commandMs);
    killed.abort();
    await proxy.stop("SIGKILL");
    await operating;

    expect(() => JSON.parse(readFileSync(proxy.statePath, "utf8"))).not.toThrow();
    await proxy.startAgain();
    const { stdout } = await proxy.runHere("list", "--json");
    const found = JSON.parse(stdout) as ServiceDescriptions;
    for (const [service, paths] of possible) {
      const path = found[service]?.paths[0] ?? absent;
      expect(paths, `${service} in round ${round}`).toContain(path);
      possible.set(service, new Set([path]));
    }
  }
  expect(counts.answered).toBeGreaterThanOrEqual(rounds);
});

const absent = "absent";

function command(service: string, wish: string, app: App): string[] {
  if (wish === absent) return ["remove", service];
  const target = `--target=${app.address}`;
  return ["deploy", service, target, `--host=${service}.test`, `--path-prefix=${wish}`];
}
