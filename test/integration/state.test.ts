/** The state file: written as kamal-proxy writes it, read whoever wrote it, and hard to lose. */
import { describe, expect, test } from "bun:test";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { readState, runStateCommands, stateFor } from "../support/state-commands.ts";

const fixtureOf = (name: string): string =>
  readFileSync(join(import.meta.dir, "..", "fixtures", "state", name), "utf8");
/** What kamal-proxy wrote after the same commands; a file of ours was read by kamal-proxy as well. */
const everyField = fixtureOf("every-field.json");

/** A proxy that begins with this state. */
async function startWithState(text: string): Promise<ProxyProcess> {
  const proxy = ProxyProcess.prepare();
  mkdirSync(dirname(proxy.statePath), { recursive: true, mode: 0o700 });
  writeFileSync(proxy.statePath, text);
  await proxy.startAgain();
  return proxy;
}

/** Makes the proxy write its state, and reads it. */
async function savedAnew(proxy: ProxyProcess): Promise<string> {
  await proxy.deploy("extra", "extra", "--force", "--host=extra");
  await proxy.runHere("remove", "extra");
  return readFileSync(proxy.statePath, "utf8");
}

async function visit(proxy: ProxyProcess, host: string, path = "/"): Promise<string> {
  const response = await fetch(proxy.url + path, { headers: { host }, redirect: "manual" });
  return response.ok ? await response.text() : String(response.status);
}

describe("what is written", () => {
  test("is what kamal-proxy writes for the same commands, key by key", async () => {
    await using app = startApp(() => new Response("rollout"));
    await using proxy = await ProxyProcess.start();
    await runStateCommands(proxy, app.address);
    const written = readState(readFileSync(proxy.statePath, "utf8"), app.address);
    expect(written).toEqual(readState(everyField, app.address));
    // The order of the keys too.
    expect(JSON.stringify(written)).toBe(JSON.stringify(JSON.parse(everyField)));
  });

  test("is in the file when the command returns, and nothing lies beside it", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await ProxyProcess.start();
    const names = (): string[] =>
      (JSON.parse(readFileSync(proxy.statePath, "utf8")) as { name: string }[]).map(
        (entry) => entry.name,
      );
    await proxy.deploy("a", app.address, "--host=a");
    expect(names()).toEqual(["a"]);
    await proxy.deploy("b", app.address, "--host=b");
    expect(names().toSorted()).toEqual(["a", "b"]);
    await proxy.runHere("remove", "a");
    expect(names()).toEqual(["b"]);
    expect(readdirSync(dirname(proxy.statePath))).toEqual(["kamal-proxy.state"]);
  });

  test("is where the link of its folder leads, also one that leads nowhere yet", async () => {
    await using proxy = ProxyProcess.prepare();
    const volume = join(proxy.home, "volume");
    mkdirSync(dirname(dirname(proxy.statePath)));
    symlinkSync("../volume", dirname(proxy.statePath));
    await proxy.startAgain();
    await proxy.deploy("extra", "extra", "--force", "--host=extra");
    expect(readdirSync(volume)).toEqual(["kamal-proxy.state"]);
    expect(statSync(volume).mode & 0o777).toBe(0o700);
  });
});

describe("a state that kamal-proxy wrote", () => {
  test("is restored: services, pause, stop and rollout", async () => {
    await using app = startApp(() => new Response("rollout"));
    await using proxy = await startWithState(stateFor(everyField, app.address));
    expect(await proxy.waitForLog("Restored saved state")).toMatchObject({ path: proxy.statePath });
    expect(JSON.parse((await proxy.runHere("list", "--json")).stdout)).toMatchObject({
      api: { state: "stopped" },
      demand: { state: "running" },
      plain: { state: "running" },
      secure: { state: "running" },
      web: { state: "paused" },
    });
    const rollout = { host: "plain.example.com", cookie: "kamal-rollout=alice" };
    expect(await (await fetch(proxy.url, { headers: rollout })).text()).toBe("rollout");
    const stopped = await fetch(`${proxy.url}/api/v1`, { headers: { host: "api.example.com" } });
    expect(stopped.status).toBe(503);
    expect(await stopped.text()).toContain("Back &lt;soon&gt; &amp; &#34;fine&#34; é");
    expect(await visit(proxy, "s.example.com")).toBe("301");
    expect((await proxy.runHere("resume", "web")).code).toBe(0);
    expect((await proxy.runHere("stop", "secure")).code).toBe(0);
  });

  test("comes out as it went in", async () => {
    await using app = startApp(() => new Response("rollout"));
    await using proxy = await startWithState(stateFor(everyField, app.address));
    const saved = readState(await savedAnew(proxy), app.address);
    expect(JSON.stringify(saved)).toBe(JSON.stringify(JSON.parse(everyField)));
  });

  const legacy: [file: string, paths: Record<string, string>][] = [
    ["v0.5.json", { "old.example.com/a": "/a", "other.example.com/a": "404" }],
    [
      "v0.8.json",
      { "old.example.com/a": "/a", "older.example.com/": "/", "x.example.com/": "404" },
    ],
    ["v0.9.json", { "old.example.com/a": "/a", "old.example.com/api/x": "/x" }],
  ];
  test.each(legacy)("in the format of %s serves as it did", async (file, answers) => {
    await using app = startApp((request) => new Response(new URL(request.url).pathname));
    const state = fixtureOf(file).replaceAll("TARGET", app.address);
    await using proxy = await startWithState(state);
    const serves = async (): Promise<void> => {
      for (const [address, answer] of Object.entries(answers)) {
        const slash = address.indexOf("/");
        expect(await visit(proxy, address.slice(0, slash), address.slice(slash))).toBe(answer);
      }
    };
    await serves();
    // What is written now is in the new form, and means the same.
    const [entry] = JSON.parse(await savedAnew(proxy)) as Record<string, unknown>[];
    expect(entry).toMatchObject({ name: "old", active_targets: [app.address] });
    expect(Object.keys(entry!)).not.toContain("active_target");
    await proxy.stop();
    await proxy.startAgain();
    await serves();
  });
});

describe("a damaged state", () => {
  test("that can not be read is logged, kept aside, and the proxy starts empty", async () => {
    const damaged = stateFor(everyField, "127.0.0.1:1").slice(0, -50);
    await using proxy = await startWithState(damaged);
    const line = await proxy.waitForLog("Failed to decode saved state");
    expect(line).toMatchObject({ level: "ERROR", path: proxy.statePath });
    expect(await visit(proxy, "a.example.com")).toBe("404");
    await savedAnew(proxy);
    const folder = dirname(proxy.statePath);
    const aside = readdirSync(folder).filter((name) => name !== "kamal-proxy.state");
    expect(aside).toHaveLength(1);
    expect(readFileSync(join(folder, aside[0]!), "utf8")).toBe(damaged);
  });

  test("in one service leaves the others alone, and that one in the file", async () => {
    await using app = startApp(() => new Response("ok"));
    const entry = (name: string, changes: object): object => ({
      name,
      options: { hosts: [name], path_prefixes: ["/"] },
      active_targets: [app.address],
      active_readers: [],
      ...changes,
    });
    const bad = entry("bad", { active_targets: ["http://not a target"] });
    const worse = entry("worse", { options: { hosts: 5 } });
    const state = JSON.stringify([bad, entry("good", {}), worse]);
    await using proxy = await startWithState(state);
    expect(await visit(proxy, "good")).toBe("ok");
    expect(await visit(proxy, "bad")).toBe("404");
    for (const service of ["bad", "worse"]) {
      await proxy.waitForLog((line) => line["level"] === "ERROR" && line["service"] === service);
    }
    const saved = JSON.parse(await savedAnew(proxy)) as object[];
    expect(saved).toContainEqual(bad);
    expect(saved).toContainEqual(worse);
    // A deploy repairs it.
    await proxy.deploy("bad", app.address, "--host=bad");
    expect(await visit(proxy, "bad")).toBe("ok");
  });

  test("without error pages that it names keeps the service in the file until they are back", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await ProxyProcess.start();
    const page = join(proxy.home, "404.html");
    writeFileSync(page, "<p>page</p>");
    await proxy.deploy("web", app.address, "--host=web", `--error-pages=${proxy.home}`);
    await proxy.deploy("other", app.address, "--host=other");
    const before = readState(readFileSync(proxy.statePath, "utf8"), app.address);
    await proxy.stop();
    writeFileSync(page, "{{ broken");
    await proxy.startAgain();
    expect(await visit(proxy, "other")).toBe("ok");
    expect(readState(await savedAnew(proxy), app.address)).toEqual(before);
    await proxy.stop();
    writeFileSync(page, "<p>page</p>");
    await proxy.startAgain();
    expect(await visit(proxy, "web")).toBe("ok");
  });
});

describe("after a crash", () => {
  test("the pause and the stop are as they were, and can be ended", async () => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("held", app.address, "--host=held");
    await proxy.deploy("closed", app.address, "--host=closed");
    await proxy.runHere("pause", "held", "--max-pause=1ms");
    await proxy.runHere("stop", "closed", "--message=Closed for lunch");
    await proxy.stop("SIGKILL");
    await proxy.startAgain();
    expect(await visit(proxy, "held")).toBe("504");
    const closed = await fetch(proxy.url, { headers: { host: "closed" } });
    expect(closed.status).toBe(503);
    expect(await closed.text()).toContain("Closed for lunch");
    for (const name of ["held", "closed"]) {
      expect((await proxy.runHere("resume", name)).code).toBe(0);
      expect(await visit(proxy, name)).toBe("ok");
    }
  });
});
