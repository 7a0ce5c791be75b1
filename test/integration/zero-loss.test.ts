/** Under constant load no request fails and none goes astray, whatever is deployed meanwhile. */
import { expect, test } from "bun:test";
import { ProxyProcess, severalWorkers } from "../support/proxy-process.ts";
import { startSteadyLoad, type SteadyLoad } from "../support/steady-load.ts";
import { waitFor } from "../support/wait-for.ts";
import { startNamedApp } from "../support/named-app.ts";

function loadOn(proxy: ProxyProcess, host: string): SteadyLoad {
  return startSteadyLoad({
    port: proxy.httpPort,
    host,
    accepts: (body) => body.startsWith(`${host} `),
  });
}

async function answer(proxy: ProxyProcess, host: string): Promise<string> {
  return await (await fetch(proxy.url, { headers: { host } })).text();
}

const buffering = ["--buffer-requests", "--buffer-responses"];

test("50 deploys to and fro, with other services deployed at the same time", async () => {
  await using web1 = startNamedApp("web 1");
  await using web2 = startNamedApp("web 2");
  await using other1 = startNamedApp("other 1");
  await using other2 = startNamedApp("other 2");
  await using proxy = await ProxyProcess.start({ env: severalWorkers });
  await proxy.deploy("web", web1.address, "--host=web");
  await proxy.deploy("other", other1.address, "--host=other");
  await using webLoad = loadOn(proxy, "web");
  await using otherLoad = loadOn(proxy, "other");

  const ending = new AbortController();
  const others = (async () => {
    for (let i = 0; !ending.signal.aborted; i++) {
      const { address } = i % 2 === 0 ? other2 : other1;
      await Promise.all([
        proxy.deploy("other", address, "--host=other"),
        proxy.deploy("third", address, "--host=third"),
      ]);
    }
  })();
  try {
    for (let i = 0; i < 50; i++) {
      const app = i % 2 === 0 ? web2 : web1;
      const before = webLoad.answered;
      await proxy.deploy("web", app.address, "--host=web", ...(i % 3 === 0 ? buffering : []));
      expect(await answer(proxy, "web")).toBe(app === web2 ? "web 2" : "web 1");
      await waitFor(() => webLoad.answered > before, "answers while this deploy was made");
    }
  } finally {
    ending.abort();
    await others;
  }
  await webLoad.stop();
  await otherLoad.stop();
  expect(webLoad.failures).toEqual([]);
  expect(otherLoad.failures).toEqual([]);
  expect(webLoad.answered).toBeGreaterThan(50);
  expect(otherLoad.answered).toBeGreaterThan(0);
}, 60_000);

test("old targets that exit the moment their deploy returns", async () => {
  await using proxy = await ProxyProcess.start({ env: severalWorkers });
  let current = startNamedApp("web 0");
  await proxy.deploy("web", current.address, "--host=web");
  try {
    await using load = loadOn(proxy, "web");
    for (let i = 1; i <= 10; i++) {
      const next = startNamedApp(`web ${i}`);
      await proxy.deploy("web", next.address, "--host=web");
      await current[Symbol.asyncDispose]();
      current = next;
      const { answered } = load;
      await waitFor(() => load.answered > answered + 3, "answers of the new target");
    }
    await load.stop();
    expect(load.failures).toEqual([]);
  } finally {
    await current[Symbol.asyncDispose]();
  }
}, 60_000);

test("deploys that fail", async () => {
  await using app = startNamedApp("web 1");
  await using sick = startNamedApp("web sick");
  sick.healthy = false;
  await using proxy = await ProxyProcess.start({ env: severalWorkers });
  await proxy.deploy("web", app.address, "--host=web");
  await using load = startSteadyLoad({
    port: proxy.httpPort,
    host: "web",
    accepts: (body) => body === "web 1",
  });
  for (let i = 0; i < 5; i++) {
    const flags = ["--host=web", "--deploy-timeout=50ms"];
    const failed = await proxy.runHere("deploy", "web", `--target=${sick.address}`, ...flags);
    expect(failed.code).toBe(1);
    const conflict = await proxy.runHere(
      "deploy",
      "more",
      `--target=${sick.address}`,
      "--host=web",
    );
    expect(conflict.code).toBe(1);
    const { answered } = load;
    await waitFor(() => load.answered > answered, "answers");
  }
  await load.stop();
  expect(load.failures).toEqual([]);
}, 60_000);

test("pause, redeploy while paused, resume, and rollout changes", async () => {
  await using web1 = startNamedApp("web 1");
  await using web2 = startNamedApp("web 2");
  await using proxy = await ProxyProcess.start({ env: severalWorkers });
  await proxy.deploy("web", web1.address, "--host=web");
  await using load = loadOn(proxy, "web");
  const commands = (i: number): string[][] => {
    const target = `--target=${i % 2 === 0 ? web2.address : web1.address}`;
    return [
      ["pause", "web"],
      ["deploy", "web", target, "--host=web"],
      ["resume", "web"],
      ["rollout", "deploy", "web", target],
      ["rollout", "set", "web", "--percent=50"],
      ["rollout", "stop", "web"],
    ];
  };
  for (let i = 0; i < 4; i++) {
    for (const args of commands(i)) {
      expect([args, (await proxy.runHere(...args)).stderr]).toEqual([args, ""]);
    }
    const { answered } = load;
    await waitFor(() => load.answered > answered, "answers");
  }
  await load.stop();
  expect(load.failures).toEqual([]);
}, 60_000);
