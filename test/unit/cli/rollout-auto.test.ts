import { describe, expect, test } from "bun:test";
import type { RolloutProgress } from "../../../src/control-plane/socket/rollout-protocol.ts";
import { runLine, words } from "../../support/command-line.ts";

const figures = (requests: number, failed: number, p95: number | null) => ({
  requests,
  failed,
  p50_ms: p95 === null ? null : p95 / 2,
  p95_ms: p95,
});

function progress(part: Partial<RolloutProgress> = {}): RolloutProgress {
  return {
    waiting_for: "rollout",
    remaining_ms: 71_200,
    steps: [5, 100],
    step: 0,
    min_requests: 200,
    promotes: true,
    doubt: null,
    rollout: figures(120, 3, 51.4),
    active: figures(2_000, 0, 1_480),
    passed: [],
    ...part,
  };
}

const first = { percentage: 5, rollout: figures(600, 1, 51.4), active: figures(9_000, 0, 48) };
const second = { percentage: 100, rollout: figures(9_600, 0, 50), active: figures(0, 0, null) };

describe("rollout auto", () => {
  test("sends the plan, by default in five steps of two minutes", async () => {
    const { exitCode, sent } = await runLine(words("rollout auto web"), { reply: { ok: true } });
    expect([exitCode, sent]).toEqual([
      0,
      {
        command: "rollout-auto",
        service: "web",
        plan: {
          steps: [1, 5, 25, 50, 100],
          everyMs: 120_000,
          maxErrorRate: 1,
          maxP95: 1.5,
          minRequests: 200,
          promote: true,
          drainTimeoutMs: 30_000,
        },
      },
    ]);
    const line =
      "rollout auto web --steps 5%,10 --every 30s --max-error-rate 0.5% --max-p95 2x --min-requests 50 --no-promote --drain-timeout 5s";
    const other = await runLine(words(line), { reply: { ok: true } });
    expect(other.sent).toMatchObject({
      plan: {
        steps: [5, 10],
        everyMs: 30_000,
        maxErrorRate: 0.5,
        maxP95: 2,
        minRequests: 50,
        promote: false,
        drainTimeoutMs: 5_000,
      },
    });
    const again = await runLine(words("rollout auto web --continue"), { reply: { ok: true } });
    expect(again.sent).toEqual({ command: "rollout-auto", service: "web", plan: null });
  });

  test("says what is wrong with a flag before anything is sent", async () => {
    const cases: [string, string][] = [
      ["--steps=", "steps must be 1 to 50 shares"],
      ["--steps 5,half", "steps must be whole percentages from 1 to 100"],
      ["--steps 0,100", "steps must be whole percentages from 1 to 100"],
      ["--steps 5,101", "steps must be whole percentages from 1 to 100"],
      ["--steps 5,5,100", "each of the steps must be larger than the one before"],
      ["--steps 5,50", "the last of the steps must be 100, or --no-promote be given"],
      ["--every 10ms", "every must be between 1s and 24h"],
      ["--every 25h", "every must be between 1s and 24h"],
      ["--max-error-rate few", 'max-error-rate "few" is no percentage such as 1% or 0.5%'],
      ["--max-error-rate 100", "max-error-rate must be from 0% to 99.9%"],
      ["--max-p95 slow", 'max-p95 "slow" is no factor such as 1.5x or 2x'],
      ["--max-p95 0.5", "max-p95 must be from 1x to 100x"],
      ["--min-requests 0", "min-requests must be from 1 to 1000000000"],
      ["--continue --steps 100", "--continue goes on as it was begun: leave out --steps"],
    ];
    for (const [flags, error] of cases) {
      const { exitCode, stderr, sent } = await runLine(words(`rollout auto web ${flags}`));
      expect({ flags, exitCode, stderr, sent }).toEqual({
        flags,
        exitCode: 1,
        stderr: `Error: ${error}\n`,
        sent: undefined,
      });
    }
  });

  test("writes a line for each step, and what has come of it", async () => {
    const { stdout, stderr } = await runLine(words("rollout auto web"), {
      reply: { ok: true },
      progress: [
        progress(),
        progress({ passed: [first] }),
        progress({ step: 1, passed: [first] }),
        progress({ step: 1, passed: [first, second] }),
      ],
    });
    expect(stdout).toBe(
      "5%: 600 requests, 0.17% 5xx, p95 51.4 ms; active 9000 requests, 0% 5xx, p95 48 ms\n" +
        "100%: 9600 requests, 0% 5xx, p95 50 ms; active 0 requests, - 5xx\n" +
        "promoted: the new targets serve all requests\n",
    );
    expect(stderr).toBe("");
  });

  test("ends with the reason when it was taken back", async () => {
    const error = "the rollout of web was taken back from 100% to 0%: 4% of 500 requests failed";
    const outcome = await runLine(words("rollout auto web"), {
      reply: { ok: false, error },
      progress: [progress({ step: 1, passed: [first] })],
    });
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toBe(`Error: ${error}\n`);
    expect(outcome.stdout).toStartWith("5%: 600 requests");
    expect(outcome.stdout).not.toContain("promoted");
  });

  test("draws both groups on a terminal, each picture in the place of the last", async () => {
    const { stdout } = await runLine(words("rollout auto web"), {
      environment: { NO_COLOR: "1" },
      reply: { ok: true },
      screen: { columns: 81, rows: 24 },
      progress: [
        progress(),
        progress({ remaining_ms: 0, doubt: "1.2% of 250 requests failed; 1% may" }),
        progress({ step: 1, passed: [first, second], promotes: false }),
      ],
    });
    // eslint-disable-next-line no-control-regex
    expect(stdout.split(/\u001b\[[45]A\r\u001b\[J/)).toEqual([
      [
        "Rollout of web   step 1 of 2   [5%] 100%   72 s left",
        "                   REQUESTS      5XX       P50       P95",
        "  new targets           120     2.5%   25.7 ms   51.4 ms",
        "  active targets       2000       0%    740 ms    1.48 s",
        "",
      ].join("\n"),
      expect.stringMatching(
        /waits for requests: 120 of 200\n(.*\n){3} {2}Watched for longer: 1.2% of 250 requests failed; 1% may\n$/,
      ),
      expect.stringMatching(/^5%: .*\n100%: .*\ncomplete: it stays at 100%\n$/),
    ]);
  });

  test("does not let the name of a service steer the terminal, nor lines be wider than it", async () => {
    const { stdout } = await runLine(["rollout", "auto", "\u001b]0;x"], {
      reply: { ok: true },
      screen: { columns: 41, rows: 24 },
      progress: [progress()],
    });
    expect(stdout).not.toContain("\u001b]");
    for (const line of Bun.stripANSI(stdout).split("\n")) {
      expect(Bun.stringWidth(line)).toBeLessThanOrEqual(44);
    }
  });
});
