import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { startApp } from "../../support/app.ts";
import { ProxyProcess } from "../../support/proxy-process.ts";
import { waitFor } from "../../support/wait-for.ts";

test("ProxyProcess serves, takes commands, logs, starts again and leaves nothing behind", async () => {
  let home = "";
  let pid = 0;
  await using app = startApp(() => new Response("hello"));
  {
    await using proxy = await ProxyProcess.start();
    ({ home, pid } = proxy);
    await proxy.deploy("web", app.address);
    expect(await (await fetch(`${proxy.url}/a`)).text()).toBe("hello");
    expect((await proxy.waitForLog((line) => line["path"] === "/a"))["status"]).toBe(200);
    expect(await proxy.run("remove", "missing")).toEqual({
      code: 1,
      stdout: "",
      stderr: "Error: service not found\n",
    });
    expect(await proxy.residentBytes()).toBeGreaterThan(1_000_000);

    expect(await proxy.stop()).toBe(0);
    expect(proxy.running).toBe(false);
    await proxy.startAgain();
    pid = proxy.pid;
    await waitFor(async () => (await fetch(proxy.url)).ok, "the restored service");
    expect(app.requestCount).toBeGreaterThanOrEqual(2);
  }
  expect(existsSync(home)).toBe(false);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
});

test("ProxyProcess tells why the proxy ended at its start", async () => {
  const started = ProxyProcess.start({ args: ["--no-such-flag"] });
  await expect(started).rejects.toThrow("unknown flag: --no-such-flag");
});
