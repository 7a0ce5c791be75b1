import { describe, expect, test } from "bun:test";
import { ProgressLine, progressText } from "../../../src/cli/progress-line.ts";
import type { WaitingProgress } from "../../../src/control-plane/socket/protocol.ts";
import { runLine, words } from "../../support/command-line.ts";

const erase = "\r\u001b[K";
const deploy = words("deploy web --target web-1:3000");
const health: WaitingProgress = {
  waiting_for: "health",
  targets: [
    { target: "web-1:3000", last_error: "answered 503 on /up" },
    { target: "web-2:3000", last_error: null },
  ],
  remaining_ms: 28_400,
};
const drain: WaitingProgress = { waiting_for: "drain", requests: 3, remaining_ms: 30_000 };

describe("progress of a command", () => {
  test("says what is waited for and how long", () => {
    expect(progressText(health)).toBe(
      "Waiting for web-1:3000 (answered 503 on /up), web-2:3000, 29 s left",
    );
    expect(progressText(drain)).toBe("Draining 3 requests, 30 s left");
    expect(progressText({ ...drain, requests: 1, remaining_ms: 1 })).toBe(
      "Draining 1 request, 1 s left",
    );
  });

  test("is shown on a terminal, each line in the place of the last, and erased at the end", async () => {
    const { exitCode, stdout, stderr } = await runLine(deploy, {
      environment: { NO_COLOR: "1" },
      columns: 200,
      progress: [health, drain],
      reply: { ok: true },
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "" });
    expect(stderr).toBe(`${erase}${progressText(health)}${erase}${progressText(drain)}${erase}`);
  });

  test("leaves nothing but the error behind", async () => {
    const { stderr } = await runLine(deploy, {
      columns: 200,
      progress: [health],
      reply: { ok: false, error: "service not found" },
    });
    expect(stderr.endsWith(`${erase}Error: service not found\n`)).toBe(true);
  });

  test("is coloured unless NO_COLOR says otherwise", async () => {
    const around = { columns: 200, progress: [drain], reply: { ok: true } as const };
    const coloured = await runLine(deploy, { ...around, environment: { NO_COLOR: "" } });
    expect(coloured.stderr).toContain(`\u001b[2m${progressText(drain)}\u001b[0m`);
    const plain = await runLine(deploy, { ...around, environment: { NO_COLOR: "0" } });
    expect(plain.stderr).not.toContain("\u001b[2m");
    expect(plain.stderr).not.toContain("\u001b[0m");
  });

  test("fits the terminal and cannot be steered by what a target answers", async () => {
    const bad = "bad \u001b[2J\r\n status ".repeat(20);
    const { stderr } = await runLine(deploy, {
      environment: { NO_COLOR: "1" },
      columns: 40,
      progress: [{ ...health, targets: [{ target: "web-1:3000", last_error: bad }] }],
      reply: { ok: true },
    });
    const [line = ""] = stderr.slice(erase.length).split(erase);
    expect(line).toStartWith("Waiting for web-1:3000 (bad");
    expect(line).toHaveLength(39);
    // eslint-disable-next-line no-control-regex
    expect(line).not.toMatch(/[\u0000-\u001f]/);
  });

  test("is lost on a terminal that was closed, and nothing else", () => {
    const write = () => {
      throw new Error("EIO: i/o error, write");
    };
    const line = new ProgressLine({ columns: 80, write }, {});
    expect(() => line.show(drain)).not.toThrow();
    expect(() => line.clear()).not.toThrow();
  });

  test("is not asked for without a terminal", async () => {
    const { stderr } = await runLine(deploy, { progress: [health], reply: { ok: true } });
    expect(stderr).toBe("");
  });
});
