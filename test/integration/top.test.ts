/** `top` beside a real proxy: what all workers have counted. */
import { expect, test } from "bun:test";
import { startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { waitFor } from "../support/wait-for.ts";

test("top --once shows what services, targets and processes do", async () => {
  await using app = startApp(() => new Response("ok"));
  await using proxy = await ProxyProcess.start();
  await proxy.deploy("web", app.address);
  const done = new AbortController();
  const asking = (async () => {
    while (!done.signal.aborted) await (await fetch(proxy.url)).text();
  })();
  await waitFor(async () => {
    const { stdout, code } = await proxy.run("top", "--once");
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^ {2}${app.address} +web +active +\\d+ healthy$`, "m"));
    expect(stdout).toMatch(/^ {2}primary +\d+ +\d+% +\d+ MB +0 serving$/m);
    return /^ {2}web +[1-9][\d.]* +\d/m.test(stdout);
  }, "a rate of requests");
  done.abort();
  await asking;
});
