import { describe, expect, test } from "bun:test";
import type { ServiceDescriptions } from "../../../src/control-plane/socket/protocol.ts";
import { CommandError } from "../../../src/config/command-error.ts";
import { runLine } from "../../support/command-line.ts";
import { serviceDescription } from "../../support/proxy-status.ts";

const services: ServiceDescriptions = {
  web2: serviceDescription({
    hosts: ["a.test"],
    targets: ["app.internal"],
    state: "stopped",
    tls: true,
  }),
  web: serviceDescription({
    hosts: ["example.com", "b.test"],
    paths: ["/api", "/"],
    targets: ["localhost:3000", "localhost:3001", "127.0.0.1:99"],
    state: "paused",
  }),
  Zé: serviceDescription({ targets: ["localhost:1"] }),
};

async function list(...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await runLine(["list", ...args], {
    reply: { ok: true, services },
  });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout.replaceAll("\u001b", "^[");
}

describe("list", () => {
  test("prints the table of kamal-proxy, coloured also without a terminal", async () => {
    expect((await list()).split("\n")).toEqual([
      "^[[3;94mService^[[0m  ^[[3;94mHost^[[0m                ^[[3;94mPath^[[0m    ^[[3;94mTarget^[[0m                                      ^[[3;94mState^[[0m    ^[[3;94mTLS^[[0m  ",
      "^[[1;34mZé^[[0m      ^[[m*^[[0m                   ^[[m/^[[0m       ^[[mlocalhost:1^[[0m                                 ^[[mrunning^[[0m  ^[[mno^[[0m   ",
      "^[[1;34mweb^[[0m      ^[[mexample.com,b.test^[[0m  ^[[m/api,/^[[0m  ^[[mlocalhost:3000,localhost:3001,127.0.0.1:99^[[0m  ^[[mpaused^[[0m   ^[[mno^[[0m   ",
      "^[[1;34mweb2^[[0m     ^[[ma.test^[[0m              ^[[m/^[[0m       ^[[mapp.internal^[[0m                                ^[[mstopped^[[0m  ^[[myes^[[0m  ",
      "",
    ]);
  });

  test("shows hosts beyond ASCII in both forms, and steers no terminal", async () => {
    const odd = {
      "a\u001b[2Jb": serviceDescription({ hosts: ["xn--bcher-kva.example"], degraded: "x\ny" }),
    };
    const { stdout, stderr } = await runLine(["list"], { reply: { ok: true, services: odd } });
    expect(stdout).toContain("xn--bcher-kva.example (bücher.example)");
    expect(stdout).toContain("a\\x1b[2Jb");
    expect(stderr).toBe("a\\x1b[2Jb is degraded: x\\x0ay\n");
  });

  test("prints the header alone when there is no service", async () => {
    const { stdout } = await runLine(["ls"], { reply: { ok: true, services: {} } });
    expect(stdout).toBe(
      ["Service", "Host", "Path", "Target", "State", "TLS"]
        .map((name) => `\u001b[3;94m${name}\u001b[0m  `)
        .join("") + "\n",
    );
  });

  test("says beside the table which services are degraded, and why", async () => {
    const degraded = "unable to load certificate: no such file";
    const reply = {
      ok: true as const,
      services: { b: serviceDescription({}), a: serviceDescription({ degraded }) },
    };
    const { stdout, stderr, exitCode } = await runLine(["list"], { reply });
    expect({ stderr, exitCode }).toEqual({ stderr: `a is degraded: ${degraded}\n`, exitCode: 0 });
    expect(stdout.split("\n")).toHaveLength(4);
    expect((await runLine(["list", "--json"], { reply })).stderr).toBe("");
  });

  test("has a column for rollouts where there is one", async () => {
    const rollout = { percentage: 10, allowlist: ["me"] };
    const rollout_targets = ["b:3000", "c:3000"];
    const reply = {
      ok: true as const,
      services: {
        half: serviceDescription({ rollout, rollout_targets }),
        off: serviceDescription({ rollout_targets: ["d:80"] }),
        without: serviceDescription({}),
      },
    };
    const { stdout } = await runLine(["list"], { reply });
    const plain = Bun.stripANSI(stdout)
      .split("\n")
      .map((line) => line.trimEnd().split(/ {2,}/).at(-1));
    expect(plain).toEqual(["Rollout", "10%+list b:3000,c:3000", "off d:80", "no", ""]);
  });

  test("prints what has changed with --watch, until the proxy has gone", async () => {
    const changing = { a: serviceDescription({}) };
    let waits = 0;
    const watch = (...flags: string[]) => {
      waits = 0;
      changing.a.state = "running";
      return runLine(["list", "--watch", ...flags], {
        reply: { ok: true, services: changing },
        async wait() {
          if (++waits === 2) changing.a.state = "paused";
          if (waits === 4) throw new CommandError("unexpected EOF");
        },
      });
    };
    const { stdout, stderr, exitCode } = await watch();
    expect({ stderr, exitCode }).toEqual({ stderr: "Error: unexpected EOF\n", exitCode: 1 });
    expect(Bun.stripANSI(stdout).match(/running|paused/g)).toEqual(["running", "paused"]);
    const states = (await watch("--json")).stdout.trim().split("\n");
    expect(states.map((line) => JSON.parse(line).a.state)).toEqual(["running", "paused"]);
  });

  test("--watch begins on a terminal at its top", async () => {
    const { stdout } = await runLine(["list", "--watch"], {
      reply: { ok: true, services },
      screen: { columns: 80, rows: 24 },
      wait: () => Promise.reject(new CommandError("unexpected EOF")),
    });
    expect(stdout).toStartWith("\u001b[H\u001b[J");
  });

  test("prints all details with --json", async () => {
    const output = await list("--json");
    expect(output).toEndWith("}\n");
    expect(JSON.parse(output)).toEqual(services);
  });

  test("prints an empty object with --json when there is no service", async () => {
    expect((await runLine(["list", "--json"], { reply: { ok: true } })).stdout).toBe("{}\n");
  });
});

test("a rollout that nobody follows any more is named, with how to go on", async () => {
  const auto = {
    steps: [5, 100],
    step: 0,
    every_ms: 60_000,
    max_error_rate: 1,
    max_p95: 1.5,
    min_requests: 200,
    promote: true,
  };
  const services = {
    left: serviceDescription({ rollout_auto: { ...auto, followed: false } }),
    followed: serviceDescription({ rollout_auto: { ...auto, followed: true } }),
    // A proxy of a version before says nothing of it.
    before: serviceDescription({ rollout_auto: undefined as never }),
  };
  const { stderr } = await runLine(["list"], { reply: { ok: true, services } });
  expect(stderr).toBe(
    "the rollout of left stays at 5%, step 1 of 2: `kamal-proxy rollout auto left --continue` goes on\n",
  );
});
