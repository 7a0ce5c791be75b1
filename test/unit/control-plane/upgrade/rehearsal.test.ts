/** What is no executable that can take over, and does not say so by itself. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { rehearsalTimeoutMs } from "../../../../src/config/worker-limits.ts";
import type { Handover } from "../../../../src/control-plane/upgrade/handover.ts";
import { namelessFile, rehearseWith } from "../../../../src/control-plane/upgrade/rehearsal.ts";
import { messageOf } from "../../../../src/lib/error-text.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { tempFolder, type TempFolder } from "../../../support/temp-folder.ts";
import { waitFor } from "../../../support/wait-for.ts";

const ended = "can't take over: it was ended by a signal, took too long or said too much";

/** Resolves to the reason for which the script can't take over. */
async function rehearse(folder: TempFolder, script: string, clock: ManualClock): Promise<string> {
  const path = folder.file("program");
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return await rehearseWith(path, [], {} as Handover, folder.path, clock).then(
    (version) => `version ${version}`,
    (error: unknown) => messageOf(error).replace(`${path} `, ""),
  );
}

test("a program that does not stop talking is read to a limit only", async () => {
  using folder = tempFolder();
  const reason = await rehearse(folder, "exec yes", new ManualClock());
  expect(reason).toBe(ended);
});

test("a program whose child keeps its output open is given up in time", async () => {
  using folder = tempFolder();
  const clock = new ManualClock();
  const pidFile = folder.file("pid");
  const script = `sleep 60 &\necho $! > ${pidFile}.new\nmv ${pidFile}.new ${pidFile}\nwait`;
  const rehearsed = rehearse(folder, script, clock);
  await waitFor(() => existsSync(pidFile), "the child");
  try {
    clock.advance(rehearsalTimeoutMs);
    expect(await rehearsed).toBe(ended);
  } finally {
    process.kill(Number(readFileSync(pidFile, "utf8")), "SIGKILL");
  }
});

test("what is handed over is a file that nobody else can open, read from its beginning", () => {
  using folder = tempFolder();
  const fd = namelessFile(folder.path, "é".repeat(100_000));
  const status = statSync(`/proc/self/fd/${fd}`);
  expect([status.mode & 0o777, status.nlink]).toEqual([0o600, 0]);
  expect(readFileSync(fd, "utf8")).toBe("é".repeat(100_000));
});
