import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
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
