/** Policies of how requests reach targets: the same over every protocol. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { ProxyProcess } from "../support/proxy-process.ts";
import { ok, type ScriptedApp, startScriptedApp } from "../support/scripted-app.ts";
import { type Answer, ask, type Carrier, type RequestSpec, valuesOf } from "./carrier.ts";
import { plainHttp1 } from "./http1-carrier.ts";
import { http3 } from "./http3-carrier.ts";
import { carriers, deployBelow, portOf, startSite } from "./site.ts";

const failed = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";

let proxy: ProxyProcess;
let one: ScriptedApp;
let two: ScriptedApp;

/** Services below their own paths, on both apps. */
const services: Record<string, string[]> = {
  retry: ["--retry=2", "--retry-on=reset,503"],
  sticky: ["--session-affinity=cookie"],
  times: ["--path-timeout=/times/slow=300ms", "--target-timeout=10s"],
  total: ["--request-timeout=400ms"],
  eject: ["--eject-after=2", "--eject-for=60s"],
};

beforeAll(async () => {
  [one, two] = [startScriptedApp(), startScriptedApp()];
  proxy = await startSite(one.address);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  one[Symbol.dispose]();
  two[Symbol.dispose]();
});
beforeEach(() => {
  one.answer = two.answer = () => ok;
});

async function deploy(name: string, ...more: string[]): Promise<void> {
  const other = `--target=${two.address}`;
  await deployBelow(proxy, name, one.address, other, ...services[name]!, ...more);
}

const counts = () => [one.requests.length, two.requests.length] as const;
function since([first, second]: readonly [number, number]): number[] {
  return [one.requests.length - first, two.requests.length - second];
}

describe.each(carriers)("over $name", (carrier: Carrier) => {
  const get = (spec: RequestSpec): Promise<Answer> => ask(carrier, portOf(proxy, carrier), spec);

  test("a request that a target failed goes to another, unless it may have had an effect", async () => {
    await deploy("retry");
    one.answer = () => failed;
    for (let i = 0; i < 3; i++) {
      expect((await get({ path: "/retry/a" })).status).toBe(200);
    }
    const posts: number[] = [];
    for (let i = 0; i < 2; i++) {
      const answer = await get({ path: "/retry/a", method: "POST", body: Buffer.from("x") });
      posts.push(answer.status);
    }
    expect(posts.toSorted()).toEqual([200, 503]);
  });

  test("a request that every target fails gets the answer of the last one", async () => {
    await deploy("retry");
    one.answer = two.answer = () => failed;
    const before = counts();
    const answer = await get({ path: "/retry/b" });
    expect([answer.status, answer.body.toString()]).toEqual([503, "busy"]);
    expect(since(before).reduce((sum, count) => sum + count)).toBe(3);
  });

  test("a connection that broke without an answer is another try", async () => {
    await deploy("retry");
    one.answer = (_request, connection) => {
      connection.reset();
      return null;
    };
    for (let i = 0; i < 3; i++) expect((await get({ path: "/retry/c" })).status).toBe(200);
  });

  test("a client stays with its target, and can't choose one", async () => {
    await deploy("sticky");
    const first = await get({ path: "/sticky/a" });
    const [cookie = ""] = valuesOf(first.fields, "set-cookie");
    expect(cookie).toMatch(
      /^kamal-affinity=[\w-]{22}; Path=\/sticky; HttpOnly; SameSite=Lax(; Secure)?$/,
    );
    expect(cookie.endsWith("Secure")).toBe(carrier.scheme === "https");
    const value = cookie.split(";", 1)[0]!;
    const before = counts();
    for (let i = 0; i < 4; i++) {
      const answer = await get({ path: "/sticky/b", fields: [["Cookie", `a=1; ${value}`]] });
      expect(valuesOf(answer.fields, "set-cookie")).toEqual([]);
    }
    expect(since(before).toSorted()).toEqual([0, 4]);
    // The signature goes on with a deploy of the same targets, and another is made for what is made up.
    await deploy("sticky");
    const later = await get({ path: "/sticky/c", fields: [["Cookie", value]] });
    expect(valuesOf(later.fields, "set-cookie")).toEqual([]);
    const forged = `kamal-affinity=${one.address}`;
    const answer = await get({ path: "/sticky/d", fields: [["Cookie", forged]] });
    expect(valuesOf(answer.fields, "set-cookie")).toHaveLength(1);
  });

  test("a path has its own time, by its decoded name", async () => {
    await deploy("times");
    const waiting = Promise.withResolvers<string>();
    one.answer = two.answer = (request) =>
      request.startLine.includes("quick") ? ok : waiting.promise;
    expect((await get({ path: "/times/slow/a" })).status).toBe(504);
    expect((await get({ path: "/times/sl%6Fw" })).status).toBe(504);
    expect((await get({ path: "/times/quick" })).status).toBe(200);
    waiting.resolve(ok);
  });

  test("a request has its time in total", async () => {
    await deploy("total");
    one.answer = two.answer = () => null;
    const answer = await get({ path: "/total/a" });
    expect(answer.status).toBe(504);
    expect(valuesOf(answer.fields, "x-kamal-proxy-error")).toEqual(["request-timeout"]);
    one.answer = two.answer = () => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun";
    const begun = get({ path: "/total/b" }).then(
      () => "whole",
      () => "cut",
    );
    // The server of the runtime ends streams of HTTP/3 in order.
    if (carrier !== http3) expect(await begun).toBe("cut");
    else await begun;
  });

  test("its health is told, also while it is stopped", async () => {
    const flags = ["--host=health.localhost", "--publish-health-check"];
    await proxy.deploy("told", one.address, ...flags);
    const path = "/.kamal-proxy/told/health";
    // Load balancers can't always say what host they mean.
    const asked = { host: "192.0.2.1", path };
    const before = one.requests.length;
    const told = await ask(plainHttp1, proxy.httpPort, asked);
    expect([told.status, told.body.toString()]).toEqual([200, "ok"]);
    await proxy.runHere("stop", "told");
    const stopped = await ask(plainHttp1, proxy.httpPort, asked);
    expect([stopped.status, stopped.body.toString()]).toEqual([503, "the service is stopped"]);
    expect(one.requests.length).toBe(before);
    await proxy.runHere("remove", "told");
  });

  test("a target that fails gets no requests for a while, and the list shows it", async () => {
    await deploy("eject");
    one.answer = () => failed;
    for (let i = 0; i < 4; i++) await get({ path: "/eject/a" });
    const before = counts();
    for (let i = 0; i < 4; i++) expect((await get({ path: "/eject/b" })).status).toBe(200);
    expect(since(before)).toEqual([0, 4]);
    // The last one is never taken out.
    two.answer = () => failed;
    for (let i = 0; i < 4; i++) expect((await get({ path: "/eject/c" })).status).toBe(503);
    const { stdout } = await proxy.runHere("list", "--json");
    const { eject } = JSON.parse(stdout) as Record<string, { target_details: Details[] }>;
    const ejected = eject!.target_details.filter(({ ejected_for_ms: ms = 0 }) => ms > 0);
    expect(ejected.map(({ target }) => target)).toEqual([one.address]);
  });
});

interface Details {
  target: string;
  ejected_for_ms?: number;
}

test("targets get requests by their weight, also after a restart, and no secret is shown", async () => {
  await proxy.deploy(
    "heavy",
    `${one.address};weight=3`,
    `--target=${two.address}`,
    "--host=heavy.test",
    "--session-affinity=cookie",
  );
  const shares = async (): Promise<number[]> => {
    const before = counts();
    for (let i = 0; i < 8; i++) {
      await ask(plainHttp1, proxy.httpPort, { host: "heavy.test", path: "/" });
    }
    return since(before);
  };
  expect(await shares()).toEqual([6, 2]);
  const { stdout } = await proxy.runHere("list", "--json");
  const { heavy } = JSON.parse(stdout) as Record<string, { targets: string[]; options: object }>;
  expect(heavy!.targets).toEqual([one.address, two.address]);
  expect(heavy!.options).toMatchObject({
    session_affinity: "cookie",
    target_options: { target_weights: [`${one.address}=3`] },
  });
  expect(heavy!.options).not.toHaveProperty("session_affinity_key");
  await proxy.stop();
  await proxy.startAgain();
  expect(await shares()).toEqual([6, 2]);
});

test("the health of a service is told whatever the host, and of no service that does not publish it", async () => {
  const flags = ["--host=told.localhost", "--publish-health-check", "--allow-ip=192.0.2.1"];
  await proxy.deploy("tröld/a", one.address, ...flags, "--force");
  const before = one.requests.length;
  // Who may not use the service may not ask for its health either.
  const path = "/.kamal-proxy/tr%C3%B6ld/a/health";
  expect((await ask(plainHttp1, proxy.httpPort, { host: "x", path })).status).toBe(403);
  for (const other of [
    "/.kamal-proxy/web/health",
    "/.kamal-proxy/health",
    "/.kamal-proxy//health",
  ]) {
    const answer = await ask(plainHttp1, proxy.httpPort, { host: "192.0.2.1", path: other });
    expect([other, answer.status]).toEqual([other, 404]);
  }
  expect(one.requests.length).toBe(before);
});

test("the proxy tells on its http port that it serves, when it was told to", async () => {
  await using other = await ProxyProcess.start({ env: { KAMAL_PROXY_PUBLISH_HEALTH: "true" } });
  const path = "/.kamal-proxy/health";
  const told = await ask(plainHttp1, other.httpPort, { host: "192.0.2.1", path });
  expect([told.status, told.body.toString()]).toEqual([200, "ok"]);
  const head = await ask(plainHttp1, other.httpPort, { method: "HEAD", path });
  expect([head.status, head.body.length]).toEqual([200, 0]);
  expect((await ask(plainHttp1, other.httpPort, { method: "POST", path })).status).toBe(404);
  await other.deploy("web", one.address, "--tls-redirect=false");
  expect((await ask(plainHttp1, other.httpPort, { path })).body.toString()).toBe("ok");
});

test("retries and ejections are counted in the metrics", async () => {
  await deploy("eject");
  one.answer = () => failed;
  await deploy("retry");
  for (let i = 0; i < 2; i++) {
    expect((await ask(plainHttp1, proxy.httpPort, { path: "/retry/counted" })).status).toBe(200);
  }
  for (let i = 0; i < 4; i++) await ask(plainHttp1, proxy.httpPort, { path: "/eject/counted" });
  const text = await (await fetch(`http://127.0.0.1:${proxy.metricsPort}/`)).text();
  expect(text).toMatch(/^kamal_proxy_retries_total\{service="retry"\} [1-9]/m);
  expect(text).toMatch(/^kamal_proxy_ejections_total\{service="eject"\} [1-9]/m);
});
