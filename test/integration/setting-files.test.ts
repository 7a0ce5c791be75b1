import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { waitFor } from "../support/wait-for.ts";

test("a list of addresses in a file is taken over when it changes, and kept when it breaks", async () => {
  await using app = startApp(() => new Response("ok"));
  await using proxy = await ProxyProcess.start();
  const path = join(proxy.home, "addresses");
  const status = async () => (await fetch(proxy.url)).status;
  const until = (wanted: number) =>
    waitFor(async () => (await status()) === wanted, `an answer of ${wanted}`);

  const missing = await proxy.runHere(
    "deploy",
    "web",
    `--target=${app.address}`,
    `--deny-ip=@${path}`,
  );
  expect([missing.code, missing.stderr]).toEqual([
    1,
    expect.stringContaining("unable to read a file of settings: ENOENT"),
  ]);
  writeFileSync(path, "# nobody of these\n198.51.100.0/24 # offices\n\n10.0.0.300\n");
  const broken = await proxy.runHere(
    "deploy",
    "web",
    `--target=${app.address}`,
    `--deny-ip=@${path}`,
  );
  expect(broken.stderr).toContain(`${path}: invalid CIDR block "10.0.0.300"`);

  writeFileSync(path, "198.51.100.0/24\n");
  await proxy.deploy("web", app.address, `--deny-ip=@${path}`);
  expect(await status()).toBe(200);
  writeFileSync(path, "198.51.100.0/24\n127.0.0.0/8\n");
  await until(403);
  writeFileSync(path, "no address\n");
  await proxy.waitForLog("Keeping what a file of settings said before");
  expect(await status()).toBe(403);
  writeFileSync(path, "");
  await until(200);

  // After a restart without it nobody knows who is denied: nobody passes.
  rmSync(path);
  await proxy.stop();
  await proxy.startAgain();
  expect(await status()).toBe(503);
  const { stdout } = await proxy.runHere("list", "--json");
  expect(JSON.parse(stdout).web.degraded).toContain("unable to read a file of settings");
  writeFileSync(path, "198.51.100.0/24\n");
  await until(200);
  writeFileSync(path, "127.0.0.0/8\n");
  await until(403);
}, 60_000);

test("a spoofed address changes nothing where no proxy is trusted", async () => {
  await using app = startApp(() => new Response("ok"));
  await using proxy = await ProxyProcess.start();
  await proxy.deploy("web", app.address, "--allow-ip=203.0.113.7", "--client-ip-header=X-Real-IP");
  const spoofed = { "X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7" };
  expect((await fetch(proxy.url, { headers: spoofed })).status).toBe(403);
  await proxy.deploy("web", app.address, "--allow-ip=127.0.0.1");
  expect((await fetch(proxy.url, { headers: spoofed })).status).toBe(200);
});

test.each([
  ["10.0.0.0/33", "the prefix length must be a number from 0 to 32"],
  ["example.com", "is not an IP address"],
  ["@addresses", "the path of the file must begin with /"],
])("--allow-ip %s is refused with the reason", async (entry, reason) => {
  await using proxy = await ProxyProcess.start();
  const { code, stderr } = await proxy.runHere(
    "deploy",
    "web",
    "--target=a",
    `--allow-ip=${entry}`,
  );
  expect([code, stderr]).toEqual([1, expect.stringContaining(reason)]);
  expect(stderr).toContain("--allow-ip");
});
