/** How the tests come by Pebble. */
import { describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { installWith } from "../../support/pebble.ts";
import { tempFolder } from "../../support/temp-folder.ts";

describe("an installation of Pebble", () => {
  async function install(script: string, limitMs: number): Promise<string | null> {
    using folder = tempFolder();
    const go = folder.file("go");
    writeFileSync(go, `#!/bin/sh\n${script}\n`);
    chmodSync(go, 0o755);
    return await installWith(go, limitMs);
  }

  test("says what went wrong", async () => {
    expect(await install("echo no network >&2; exit 1", 10_000)).toBe(
      "go install failed: no network",
    );
    expect(await install("exit 0", 10_000)).toBeNull();
  });

  test("that hangs is given up, also when a child of it lives on", async () => {
    expect(await install("sleep 5 & wait", 100)).toBe("go install took more than 0.1 s");
  });
});
