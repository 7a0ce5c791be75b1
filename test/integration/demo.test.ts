import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../support/wait-for.ts";

const demoPath = join(import.meta.dir, "..", "..", "scripts", "demo.ts");

function startDemo(...args: string[]): Bun.Subprocess<"ignore", "pipe", "pipe"> {
  return Bun.spawn([process.execPath, demoPath, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

test("the demo with --once deploys a new version without a failed request and ends", async () => {
  const demo = startDemo("--once");
  const [stdout, stderr, code] = await Promise.all([
    demo.stdout.text(),
    demo.stderr.text(),
    demo.exited,
  ]);
  expect(stderr).toBe("");
  expect(stdout).toContain('"Hello from version 1"');
  expect(stdout).toMatch(/^\d+ requests, 0 failed\.$/m);
  expect(stdout).toMatch(/version 2 answered [1-9]\d*,/);
  expect(code).toBe(0);
});

test("the demo keeps running until SIGTERM and then leaves nothing behind", async () => {
  const demo = startDemo();
  let output = "";
  const reading = (async () => {
    for await (const chunk of demo.stdout) output += new TextDecoder().decode(chunk);
  })();
  try {
    await waitFor(() => output.includes("Ctrl-C ends the demo."), "the end of the tour", 25_000);
    const proxyPid = /\(process (\d+)\)/.exec(output)?.[1] ?? "";
    const home = /KAMAL_PROXY_SOCKET=(.*)\/proxy\.sock/.exec(output)?.[1] ?? "";
    const url = /curl -i (\S+)/.exec(output)?.[1] ?? "";
    expect(await (await fetch(url)).text()).toContain("version 2");
    expect(existsSync(`/proc/${proxyPid}`) && existsSync(home)).toBe(true);
    demo.kill("SIGTERM");
    expect(await demo.exited).toBe(0);
    expect(existsSync(`/proc/${proxyPid}`)).toBe(false);
    expect(existsSync(home)).toBe(false);
  } finally {
    demo.kill("SIGTERM");
    await demo.exited;
    await reading;
  }
});
