/** A rollout that goes on by itself, with the real command and real visitors. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { startApp, type App } from "../support/app.ts";
import { ProxyProcess, proxyCommand } from "../support/proxy-process.ts";
import { startRolloutClients } from "../support/rollout-clients.ts";
import { waitFor } from "../support/wait-for.ts";

setDefaultTimeout(60_000);

/** Each `every`-th request of it fails. */
function appThatFails(every: number): App {
  let count = 0;
  return startApp(() => new Response("new", { status: ++count % every === 0 ? 500 : 200 }));
}

interface Stand extends AsyncDisposable {
  proxy: ProxyProcess;
  listed(): Promise<Record<string, unknown>>;
}

async function stand(web: App, next: App): Promise<Stand> {
  const proxy = await ProxyProcess.start({ env: { KAMAL_PROXY_WORKERS: "2" } });
  await proxy.deploy("web", web.address);
  expect((await proxy.runHere("rollout", "deploy", "web", `--target=${next.address}`)).code).toBe(
    0,
  );
  return {
    proxy,
    async listed() {
      const { stdout } = await proxy.runHere("list", "--json");
      return (JSON.parse(stdout) as Record<string, Record<string, unknown>>)["web"]!;
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

const visitors = (proxy: ProxyProcess) =>
  startRolloutClients({ port: proxy.httpPort, host: "web", rate: 400 });

const web = (): App => startApp(() => new Response("old"));

/** Never comes to the end of a step by itself. */
const endless = ["--steps=20,100", "--every=1h"];

function begin(proxy: ProxyProcess, ...flags: string[]) {
  const child = Bun.spawn([...proxyCommand(), "rollout", "auto", "web", ...flags], {
    env: proxy.env,
    stdout: "pipe",
    stderr: "pipe",
  });
  return { child, stderr: child.stderr.text() };
}

describe("rollout auto", () => {
  test("promotes targets that do well, with a line for each step", async () => {
    await using old = web();
    await using next = startApp(() => new Response("new"));
    await using it = await stand(old, next);
    await using clients = visitors(it.proxy);
    const flags = ["--steps=20,100", "--every=1s", "--min-requests=50", "--max-p95=100x"];
    const { code, stdout, stderr } = await it.proxy.run("rollout", "auto", "web", ...flags);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      expect.stringMatching(/^20%: \d+ requests, 0% 5xx, p95 .* m?s; active \d+ requests, 0% 5xx/),
      expect.stringMatching(/^100%: \d+ requests, 0% 5xx/),
      "promoted: the new targets serve all requests",
      "",
    ]);
    expect(await it.listed()).toMatchObject({
      targets: [next.address],
      rollout_targets: [],
      rollout: null,
      rollout_auto: null,
    });
    await clients.stop();
    expect(await (await fetch(it.proxy.url)).text()).toBe("new");
  });

  test("takes targets back that fail, with exit code 1 and the reason", async () => {
    await using old = web();
    await using next = appThatFails(4);
    await using it = await stand(old, next);
    await using clients = visitors(it.proxy);
    const flags = ["--steps=50,100", "--every=1s", "--min-requests=50", "--max-p95=100x"];
    const { code, stdout, stderr } = await it.proxy.run("rollout", "auto", "web", ...flags);
    await clients.stop();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^Error: the rollout of web was taken back from 50% to 0%: 2\d(\.\d+)?% of \d+ requests failed with 5xx, beside 0% of the active targets; 1% may\n$/,
    );
    expect(await it.listed()).toMatchObject({
      targets: [old.address],
      rollout_targets: [next.address],
      rollout: { percentage: 0 },
      rollout_auto: null,
    });
    const seen = next.requestCount;
    for (let i = 0; i < 20; i++) {
      await fetch(it.proxy.url, { headers: { Cookie: `kamal-rollout=visitor-${i}` } });
    }
    expect(next.requestCount).toBe(seen);
  });

  test("stays at its step when the client is killed, over a restart and an upgrade, and goes on", async () => {
    await using old = web();
    await using next = startApp(() => new Response("new"));
    await using it = await stand(old, next);
    const { proxy } = it;
    const stays = "the rollout of web stays at 20%, step 1 of 2";
    const flags = [...endless, "--min-requests=20", "--max-p95=100x"];
    const first = begin(proxy, ...flags);
    await proxy.waitForLog("Raised rollout");
    expect(await it.listed()).toMatchObject({ rollout_auto: { step: 0, followed: true } });
    expect((await proxy.runHere("list")).stderr).toBe("");
    const second = await proxy.run("rollout", "auto", "web", ...flags);
    expect(second).toMatchObject({
      code: 1,
      stderr: "Error: the rollout of web is followed by another command already\n",
    });
    first.child.kill("SIGKILL");
    await proxy.waitForLog("Rollout stays at its step");
    expect((await proxy.runHere("list")).stderr).toContain(stays);

    await proxy.stop();
    await proxy.startAgain();
    expect((await proxy.runHere("list")).stderr).toContain(stays);
    expect(await it.listed()).toMatchObject({
      rollout: { percentage: 20 },
      rollout_auto: { steps: [20, 100], step: 0, every_ms: 3_600_000, followed: false },
    });

    const again = begin(proxy, "--continue");
    await waitFor(
      async () => (await it.listed())["rollout_auto"] as { followed: boolean },
      "the rollout",
    );
    await waitFor(
      async () => ((await it.listed())["rollout_auto"] as { followed: boolean }).followed,
      "somebody who follows it",
    );
    expect((await proxy.runHere("upgrade")).code).toBe(0);
    expect(await again.child.exited).toBe(1);
    expect(await again.stderr).toBe(
      "Error: the proxy is upgraded: the rollout stays at its step, --continue goes on\n",
    );
    expect((await proxy.runHere("list")).stderr).toContain(stays);

    // The limits of the beginning, with a time that ends.
    const anew = ["--steps=20,100", "--every=1s", "--min-requests=20", "--max-p95=100x"];
    await using clients = visitors(proxy);
    expect(await proxy.run("rollout", "auto", "web", ...anew)).toMatchObject({ code: 0 });
    await clients.stop();
    expect(await it.listed()).toMatchObject({ targets: [next.address] });
  });

  test("ends with a sentence at a deploy, another rollout, a stop, a removal", async () => {
    await using old = web();
    await using next = startApp(() => new Response("new"));
    await using it = await stand(old, next);
    const { proxy } = it;
    const target = `--target=${next.address}`;
    const cases: [string[], string][] = [
      [
        ["deploy", "web", `--target=${old.address}`],
        "a deploy has replaced the targets that it was compared with",
      ],
      [["rollout", "deploy", "web", target], "another rollout deploy has replaced its targets"],
      [["rollout", "stop", "web"], "rollout set or rollout stop has changed its share"],
      [
        ["rollout", "set", "web", "--percent=3"],
        "rollout set or rollout stop has changed its share",
      ],
      [["remove", "web"], "the service was removed"],
    ];
    for (const [command, sentence] of cases) {
      const { child, stderr } = begin(proxy, ...endless);
      await waitFor(
        async () =>
          ((await it.listed())["rollout_auto"] as { followed?: boolean } | null)?.followed,
        "the rollout to begin",
      );
      expect((await proxy.runHere(...command)).code).toBe(0);
      expect(await child.exited).toBe(1);
      expect(await stderr).toBe(`Error: the rollout of web goes on no further: ${sentence}\n`);
    }
  });

  test("is refused without rollout targets", async () => {
    await using old = web();
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", old.address);
    for (const [service, error] of [
      ["web", "rollout target not set"],
      ["nobody", "service not found"],
    ] as const) {
      expect(await proxy.run("rollout", "auto", service)).toMatchObject({
        code: 1,
        stderr: `Error: ${error}\n`,
      });
    }
  });
});
