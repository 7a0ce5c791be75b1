import { expect, test } from "bun:test";
import { runLine, words } from "../../support/command-line.ts";

test("warnings of a command that has taken effect are on stderr, and it succeeds", async () => {
  const reply = { ok: true, warnings: ["one", "two"] } as const;
  const { exitCode, stdout, stderr } = await runLine(words("resume web"), { reply });
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "" });
  expect(stderr).toBe("Warning: one\nWarning: two\n");
});
