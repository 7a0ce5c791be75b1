/** Several commands at once: no deploy waits for another, the last to become healthy stays. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startApp } from "../support/app.ts";
import { proxyCommand, ProxyProcess, severalWorkers } from "../support/proxy-process.ts";
import { ok, startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

/** An app whose health checks are not answered until `healthAnswer` is set. */
function startWaitingApp(body: string): ScriptedApp {
  const app = startScriptedApp(() => ok.replace("ok", body));
  app.healthAnswer = "HTTP/1.1 503 Wait\r\nContent-Length: 0\r\n\r\n";
  return app;
}

const quickly = "--health-check-interval=20ms";

async function text(proxy: ProxyProcess, host = "web"): Promise<string> {
  return await (await fetch(proxy.url, { headers: { host } })).text();
}

test("a deploy that waits holds up no other command", async () => {
  using waiting = startWaitingApp("v2");
  await using app = startApp(() => new Response("v1"));
  await using other = startApp(() => new Response("other"));
  await using proxy = await ProxyProcess.start({ env: severalWorkers });
  await proxy.deploy("web", app.address, "--host=web");
  const deploy = proxy.runHere(
    "deploy",
    "web",
    `--target=${waiting.address}`,
    "--host=web",
    quickly,
  );
  await waitFor(() => waiting.probeCount > 0, "the deploy to wait");

  await proxy.deploy("other", other.address, "--host=other");
  expect(await text(proxy, "other")).toBe("other");
  expect((await proxy.runHere("list")).stdout).toContain(app.address);
  expect((await proxy.runHere("pause", "other")).code).toBe(0);
  expect((await proxy.runHere("resume", "other")).code).toBe(0);
  expect((await proxy.runHere("remove", "other")).code).toBe(0);
  expect(await text(proxy)).toBe("v1");

  waiting.healthAnswer = ok;
  expect((await deploy).code).toBe(0);
  expect(await text(proxy)).toBe("v2");
});

test("of two deploys of one service the one that becomes healthy last stays", async () => {
  using first = startWaitingApp("a1");
  using second = startWaitingApp("b2");
  await using proxy = await ProxyProcess.start({ env: severalWorkers });
  const deploy = (app: ScriptedApp): ReturnType<ProxyProcess["run"]> =>
    proxy.runHere("deploy", "web", `--target=${app.address}`, "--host=web", quickly);
  const firstDeploy = deploy(first);
  const secondDeploy = deploy(second);
  await waitFor(() => first.probeCount > 0 && second.probeCount > 0, "both to wait");
  second.healthAnswer = ok;
  expect((await secondDeploy).code).toBe(0);
  expect(await text(proxy)).toBe("b2");
  first.healthAnswer = ok;
  expect((await firstDeploy).code).toBe(0);
  expect(await text(proxy)).toBe("a1");
  expect((await proxy.runHere("list")).stdout).toContain(first.address);
});

test("of two first deploys for one host the later to become healthy fails", async () => {
  using first = startWaitingApp("a1");
  using second = startWaitingApp("b2");
  await using proxy = await ProxyProcess.start({ env: severalWorkers });
  const deploy = (name: string, app: ScriptedApp): ReturnType<ProxyProcess["run"]> =>
    proxy.runHere("deploy", name, `--target=${app.address}`, "--host=web", quickly);
  const firstDeploy = deploy("first", first);
  const secondDeploy = deploy("second", second);
  await waitFor(() => first.probeCount > 0 && second.probeCount > 0, "both to wait");
  second.healthAnswer = ok;
  expect((await secondDeploy).code).toBe(0);
  first.healthAnswer = ok;
  expect(await firstDeploy).toMatchObject({
    code: 1,
    stderr: 'Error: host settings conflict with another service: "second" has web at /\n',
  });
  expect(await text(proxy)).toBe("b2");
});

test("a client that goes away leaves its deploy going", async () => {
  using waiting = startWaitingApp("v1");
  await using proxy = await ProxyProcess.start({ env: severalWorkers });
  const client = Bun.spawn(
    [...proxyCommand(), "deploy", "web", `--target=${waiting.address}`, "--host=web", quickly],
    { env: proxy.env, stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  );
  await waitFor(() => waiting.probeCount > 0, "the deploy to wait");
  client.kill("SIGKILL");
  await client.exited;
  waiting.healthAnswer = ok;
  await proxy.waitForLog("Deployed");
  expect(await text(proxy)).toBe("v1");
});

test("commands sent at once are all obeyed and all saved", async () => {
  await using app = startApp(() => new Response("ok"));
  await using proxy = await ProxyProcess.start({ env: severalWorkers });
  const names = Array.from({ length: 8 }, (_, i) => `service-${i}`);
  await Promise.all(names.map((name) => proxy.deploy(name, app.address, `--host=${name}`)));
  const saved = JSON.parse(readFileSync(proxy.statePath, "utf8")) as { name: string }[];
  expect(saved.map(({ name }) => name).toSorted()).toEqual(names);
  for (const name of names) expect(await text(proxy, name)).toBe("ok");
});
