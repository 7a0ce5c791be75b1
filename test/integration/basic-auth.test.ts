import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startApp } from "../support/app.ts";
import { proxyCommand, ProxyProcess } from "../support/proxy-process.ts";
import { waitFor } from "../support/wait-for.ts";

const basic = (text: string) => ({ Authorization: `Basic ${btoa(text)}` });

test("a plain password is hashed before it goes anywhere, and a warning says where it was", async () => {
  await using app = startApp((request) => new Response(request.headers.get("authorization")));
  await using proxy = await ProxyProcess.start();
  const deploy = (...flags: string[]) =>
    proxy.run("deploy", "web", `--target=${app.address}`, ...flags);
  const { code, stderr } = await deploy("--basic-auth=ann:very,secret:x", "--basic-auth-forward");
  expect([code, stderr]).toEqual([
    0,
    expect.stringContaining('Warning: the password of "ann" stood in the list of processes'),
  ]);
  expect((await fetch(proxy.url)).status).toBe(401);
  const answer = await fetch(proxy.url, { headers: basic("ann:very,secret:x") });
  expect([answer.status, await answer.text()]).toEqual([
    200,
    basic("ann:very,secret:x").Authorization,
  ]);
  const { stdout } = await proxy.run("list", "--json");
  const known = [
    await Bun.file(proxy.statePath).text(),
    JSON.stringify(proxy.logs),
    stdout,
    stderr,
  ];
  expect(known.filter((text) => text.includes("very,secret"))).toEqual([]);
  expect(known[0]).toContain("ann:$2b$");
  expect((await fetch(`${proxy.url}/up`)).status).toBe(200);

  const refused = await deploy("--basic-auth=ann:$apr1$secret$x");
  expect(refused.stderr).toContain('invalid value "ann:…" for --basic-auth');
  expect(refused.stderr).not.toContain("secret");
});

test("hash-password reads a password and prints what --basic-auth-file takes", async () => {
  await using app = startApp(() => new Response("ok"));
  await using proxy = await ProxyProcess.start();
  const child = Bun.spawn([...proxyCommand(), "hash-password"], {
    stdin: Buffer.from("from a pipe\nand no more"),
    stdout: "pipe",
    env: proxy.env,
  });
  const hash = (await child.stdout.text()).trim();
  const path = join(proxy.home, "htpasswd");
  writeFileSync(path, `# who may\nann:${hash}\n`);
  await proxy.deploy("web", app.address, `--basic-auth-file=${path}`);
  const status = async (text: string) => (await fetch(proxy.url, { headers: basic(text) })).status;
  expect([await status("ann:from a pipe"), await status("ann:from a pip")]).toEqual([200, 401]);
  // Whoever is taken out of the file is out, remembered or not.
  writeFileSync(path, `bob:${hash}\n`);
  await waitFor(async () => (await status("bob:from a pipe")) === 200, "the new file");
  expect(await status("ann:from a pipe")).toBe(401);
});

test("plain passwords in a file of settings and of `set` are hashed before anything is saved, and shown by nobody", async () => {
  await using app = startApp(() => new Response("ok"));
  await using proxy = await ProxyProcess.start();
  const folder = join(proxy.home, ".apps-config", "app");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "proxy.toml"),
    '[web]\nbasic-auth = ["ann:first-secret", "cleo:$2b$04$zVHmKQtGGQob.b/Nc7l9NO8UlrYcW05FiuCj/SxsFO/ZtiN9.mNzy"]\n',
  );
  const status = async (text: string) => (await fetch(proxy.url, { headers: basic(text) })).status;
  const warning = 'Warning: the password of "ann" stands in plain in a file of settings';
  const deployed = await proxy.run("deploy", "web", `--target=${app.address}`);
  expect([deployed.code, deployed.stderr]).toEqual([0, expect.stringContaining(warning)]);
  expect([await status("ann:first-secret"), await status("ann:other")]).toEqual([200, 401]);
  // The same password has the same hash: a reload finds no change.
  const hashOf = async () => /ann:(\$2b\$[^"]+)/.exec(await Bun.file(proxy.statePath).text())?.[1];
  const before = await hashOf();
  const reload = await proxy.run("reload", "--dry-run");
  expect([reload.code, reload.stdout]).toEqual([0, expect.not.stringContaining("basic-auth")]);
  expect(reload.stderr).toContain(warning);
  expect((await proxy.run("reload")).code).toBe(0);
  expect([before, await hashOf()]).toEqual([expect.any(String), before]);

  const set = await proxy.run("set", "web", "--basic-auth=bob:second,secret");
  expect([set.code, set.stderr]).toEqual([
    0,
    expect.stringContaining(
      'Warning: the password of "bob" stands in plain in the list of processes',
    ),
  ]);
  expect([await status("bob:second,secret"), await status("ann:first-secret")]).toEqual([200, 401]);
  const changed = await proxy.run("reload", "--dry-run");
  const list = await proxy.run("list", "--json");
  const shown = JSON.parse(list.stdout).web;
  expect(shown.options.basic_auth).toEqual(["bob:bcrypt"]);
  expect(shown.set).toEqual({ "basic-auth": ["bob:bcrypt"] });
  const unset = await proxy.run("unset", "web", "--basic-auth");
  expect(unset.code).toBe(0);
  const back = JSON.parse((await proxy.run("list", "--json")).stdout).web.options;
  expect(back.basic_auth).toEqual(["ann:bcrypt", "cleo:bcrypt"]);
  const told = [list, changed, set, deployed, reload].map(({ stdout, stderr }) => stdout + stderr);
  const all = [...told, JSON.stringify(proxy.logs), await Bun.file(proxy.statePath).text()];
  expect(all.filter((text) => /(?:first|second).secret/.test(text))).toEqual([]);
  expect(told.filter((text) => text.includes("$2b$"))).toEqual([]);
  // A hash of another kind is a mistake, and no password.
  const refused = await proxy.run("set", "web", "--basic-auth=ann:$apr1$secret$x");
  expect([refused.code, refused.stderr]).toEqual([1, expect.not.stringContaining("secret")]);
});
