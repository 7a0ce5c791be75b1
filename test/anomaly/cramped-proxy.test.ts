/** All attacks at once on a proxy with 512 MB: no process of it is killed, and others are served behind it. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import { bunPath } from "../../scripts/project.ts";
import { controller, cramped } from "../hostile/cramped.ts";
import { proxyCommand } from "../support/proxy-process.ts";

setDefaultTimeout(180_000);

/** Before, workers were killed after six. */
const shortSeconds = 12;
/** Where other work has the processors, a client may not have had its turn in the short time. */
const longSeconds = 60;

const binaryVariable = "KAMAL_PROXY_TEST_BINARY";

function mayMakeGroups(): boolean {
  try {
    accessSync(join(controller, "memory.limit_in_bytes"), constants.R_OK);
    accessSync(controller, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!mayMakeGroups())(
  "a proxy with little memory outlives all attacks at once",
  async () => {
    const binary = process.env[binaryVariable];
    // Each measurement sets that variable to a launcher of its own.
    const proxy = proxyCommand()[0]!;
    const app = Bun.spawn([bunPath, join(import.meta.dir, "../hostile/app.ts")], {
      stdout: "pipe",
      stdin: "ignore",
    });
    try {
      const { value } = await app.stdout.getReader().read();
      const address = `127.0.0.1:${new TextDecoder().decode(value).trim()}`;
      const run = async (seconds: number): Promise<Record<string, string>> => {
        const rows = await cramped("ours", proxy, address, seconds);
        const values = Object.fromEntries(rows.map(({ title, value }) => [title, value]));
        const wanted = { alive: "yes", "killed for memory": "0", "failed behind it": "0" };
        expect(values).toMatchObject(wanted);
        return values;
      };
      const values = await run(shortSeconds);
      expect(values["processes lost"]).toStartWith("0 of ");
      if (Number(values["others answered"]) > 0) return;
      // A worker that has no turn for ten seconds is replaced.
      expect(Number((await run(longSeconds))["others answered"])).toBeGreaterThan(0);
    } finally {
      app.kill();
      // The measurement has set it.
      if (binary === undefined) delete process.env[binaryVariable];
      else process.env[binaryVariable] = binary;
    }
  },
);
