import { describe, expect, test } from "bun:test";
import type { Keyboard } from "../../../../src/cli/top/keyboard.ts";
import type { Command, Reply } from "../../../../src/control-plane/socket/protocol.ts";
import { runLine, type Surroundings } from "../../../support/command-line.ts";
import { proxyStatus, serviceDescription, serviceTraffic } from "../../../support/proxy-status.ts";

const screen = { columns: 80, rows: 24 };

/** Each second ten requests. */
function counting(): Surroundings {
  let seconds = 0;
  return {
    reply({ command }) {
      if (command === "list") return { ok: true, services: { web: serviceDescription() } };
      const traffic = [serviceTraffic({ service: "web", requests: seconds * 10 })];
      return { ok: true, status: proxyStatus({ at_ms: seconds++ * 1_000, traffic }) };
    },
  };
}

function keyboard(keys: (string | null)[]): Keyboard & { closed: boolean } {
  return {
    closed: false,
    next: async () => (keys.length > 0 ? keys.shift()! : "q"),
    close() {
      this.closed = true;
    },
  };
}

describe("top", () => {
  test("--once prints one picture, without colours where there is no terminal", async () => {
    const { stdout, stderr, exitCode } = await runLine(["top", "--once"], counting());
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
    expect(stdout).toMatch(/^ {2}web +10\.0 /m);
    expect(stdout).not.toContain("\u001b");
    expect(stdout).not.toContain("q quit");
  });

  test("shows pictures until q, and leaves the screen as it was", async () => {
    const keys = keyboard(["s", null, "q"]);
    const { stdout, exitCode } = await runLine(["top"], { ...counting(), screen, keyboard: keys });
    expect(exitCode).toBe(0);
    expect(stdout).toStartWith("\u001b[?1049h\u001b[?25l\u001b[H");
    expect(stdout).toEndWith("\u001b[?25h\u001b[?1049l");
    expect(stdout).toContain("by p95");
    expect(keys.closed).toBe(true);
  });

  test("takes all keys that have come before it looks again, however slow that is", async () => {
    const reply = counting().reply as (command: Command) => Reply;
    let looks = 0;
    const keys = keyboard([null, "/", "w", "e", "b", "\r", null, "q"]);
    const around: Surroundings = {
      screen,
      keyboard: {
        ...keys,
        async next(withinMs) {
          const key = await keys.next(withinMs);
          if (key === null) around.wallMs! += withinMs;
          return key;
        },
      },
      wallMs: 0,
      reply(command) {
        if (command.command === "list") looks++;
        around.wallMs! += 3_000;
        return reply(command);
      },
    };
    const { stdout } = await runLine(["top"], around);
    expect(stdout).toContain("filter: web");
    // For the first picture, and when its second was over.
    expect(looks).toBe(2);
  });

  test("has no colours with NO_COLOR", async () => {
    const { stdout } = await runLine(["top"], {
      ...counting(),
      screen,
      keyboard: keyboard([]),
      environment: { NO_COLOR: "1" },
    });
    for (const style of ["1m", "2m", "7m", "1;31m"])
      expect(stdout).not.toContain(`\u001b[${style}`);
  });

  test("needs a terminal, and a proxy", async () => {
    expect((await runLine(["top"], counting())).stderr).toBe(
      "Error: top needs a terminal; --once prints one picture\n",
    );
    expect((await runLine(["top", "--once"])).stderr).toStartWith("Error: dial unix");
  });
});
