/** What the proxy says about its own work: kamal-proxy's messages and fields, in its order. */
import { expect, test } from "bun:test";
import { ProxyProcess, type LogLine } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

test("the life of a service is told message by message", async () => {
  using one = startScriptedApp(({ startLine }) => (startLine.includes("/silent") ? null : ok));
  using two = startScriptedApp();
  await using proxy = await ProxyProcess.start({ metrics: false });
  const [a, b] = [one.address, two.address];
  const run = async (command: string): Promise<void> => {
    expect([command, (await proxy.run(...command.split(" "))).stderr]).toEqual([command, ""]);
  };

  await run(`deploy web --target=${a} --host=a,b`);
  using client = await connectRaw(proxy.httpPort);
  client.send("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n");
  await waitFor(() => one.requests.length === 1, "the request at the app");
  await run(`deploy web --target=${b} --host=a --drain-timeout=20ms`);
  expect((await readResponse(client)).status).toBe(504);
  await run("pause web --max-pause=10ms");
  await (await fetch(proxy.url, { headers: { host: "a" } })).text();
  await run("resume web");
  await run("stop web");
  await run("resume web");
  await run(`rollout deploy web --target=${a}`);
  await run("rollout set web --percent=5 --list=q");
  await run("rollout set web --percent=7");
  await run("rollout stop web");
  await run("remove web");
  await proxy.stop();

  const deployed = (target: string, hosts: string[]): LogLine => ({
    service: "web",
    targets: [target],
    hosts,
    paths: ["/"],
    tls: false,
  });
  const healthy = (target: string): LogLine => ({ target, state: "healthy", was: "adding" });
  const service = { service: "web" };
  const expected: [level: string, message: string, fields: LogLine][] = [
    ["INFO", "No previous state to restore", { path: proxy.statePath }],
    ["INFO", "Server started", { http: proxy.httpPort, https: proxy.httpsPort }],
    ["INFO", "Deploying", deployed(a, ["a", "b"])],
    ["INFO", "Target health updated", healthy(a)],
    ["INFO", "Deployed", deployed(a, ["a", "b"])],
    ["INFO", "Deploying", deployed(b, ["a"])],
    ["INFO", "Target health updated", healthy(b)],
    ["INFO", "Request cancelled due to draining", { target: a, path: "/silent" }],
    ["INFO", "Deployed", deployed(b, ["a"])],
    ["INFO", "Service paused", service],
    ["INFO", "Service drained", service],
    ["WARN", "Rejecting request due to expired pause", { ...service, path: "/" }],
    ["INFO", "Service resumed", service],
    ["INFO", "Service stopped", service],
    ["INFO", "Service drained", service],
    ["INFO", "Service resumed", service],
    ["INFO", "Deploying for rollout", { ...service, targets: [a] }],
    ["INFO", "Target health updated", healthy(a)],
    ["INFO", "Deployed for rollout", { ...service, targets: [a] }],
    ["INFO", "Set rollout split", { ...service, percentage: 5, allowlist: ["q"] }],
    ["INFO", "Set rollout split", { ...service, percentage: 7, allowlist: null }],
    ["INFO", "Stopped rollout", service],
    ["INFO", "Server stopped", {}],
  ];
  const lines = proxy.logs.filter((line) => line["msg"] !== "Request");
  expect(lines.map((line) => line["msg"])).toEqual(expected.map(([, message]) => message));
  for (const [i, [level, msg, fields]] of expected.entries()) {
    expect(lines[i]).toMatchObject({ level, msg, ...fields });
  }
});
