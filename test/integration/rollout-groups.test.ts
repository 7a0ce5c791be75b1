/** Which group has served a request, in its log line and in the metrics. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { startApp } from "../support/app.ts";
import { readMetric } from "../support/proxy-metrics.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { rawRequest } from "../support/raw-request.ts";

setDefaultTimeout(30_000);

const counter = "kamal_proxy_http_requests_total";

async function ask(proxy: ProxyProcess, path: string, cookie: string): Promise<void> {
  await rawRequest(
    proxy.httpPort,
    `GET ${path} HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\nCookie: kamal-rollout=${cookie}\r\n\r\n`,
  );
}

test("log lines and metrics tell the groups apart while there is a rollout", async () => {
  await using web = startApp(() => new Response("web"));
  await using beta = startApp(() => new Response("beta", { status: 500 }));
  await using proxy = await ProxyProcess.start();
  const groupOf = async (path: string): Promise<unknown> =>
    (await proxy.waitForLog((line) => line["path"] === path))["rollout"];
  await proxy.deploy("web", web.address);
  await ask(proxy, "/before", "me");
  expect(await groupOf("/before")).toBeUndefined();
  await proxy.runHere("rollout", "deploy", "web", `--target=${beta.address}`);
  await ask(proxy, "/without-share", "me");
  await proxy.runHere("rollout", "set", "web", "--list=me");
  await ask(proxy, "/new", "me");
  await ask(proxy, "/old", "you");
  expect([await groupOf("/without-share"), await groupOf("/new"), await groupOf("/old")]).toEqual([
    false,
    true,
    false,
  ]);
  // What never came to either group belongs to none.
  await proxy.runHere("stop", "web");
  await ask(proxy, "/stopped", "me");
  expect(await groupOf("/stopped")).toBeUndefined();
  const count = (labels: Record<string, string>): Promise<number> =>
    readMetric(proxy, counter, { service: "web", ...labels });
  expect([
    await count({ rollout: "true", status: "500" }),
    await count({ rollout: "false", status: "200" }),
    await count({ rollout: "true", status: "200" }),
  ]).toEqual([1, 2, 0]);
});

test("a rollout without a healthy target answers for itself", async () => {
  await using web = startApp(() => new Response("web"));
  await using one = startApp(() => new Response("one"));
  await using other = startApp(() => new Response("other"));
  await using proxy = await ProxyProcess.start();
  await proxy.deploy("web", web.address, "--health-check-interval=100ms");
  const targets = [`--target=${one.address}`, `--target=${other.address}`];
  await proxy.runHere("rollout", "deploy", "web", ...targets);
  await proxy.runHere("rollout", "set", "web", "--percent=100");
  one.healthy = false;
  other.healthy = false;
  for (const { address } of [one, other]) {
    await proxy.waitForLog(({ target, state }) => target === address && state === "unhealthy");
  }
  await ask(proxy, "/nobody", "me");
  const line = await proxy.waitForLog(({ path }) => path === "/nobody");
  expect([line["status"], line["rollout"], line["target"]]).toEqual([503, true, ""]);
});
