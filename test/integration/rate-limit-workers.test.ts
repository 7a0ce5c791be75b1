/** Several workers count together. */
import { expect, test } from "bun:test";
import { startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { waitFor } from "../support/wait-for.ts";

async function childrenOf(pid: number): Promise<number[]> {
  const text = await Bun.file(`/proc/${pid}/task/${pid}/children`).text();
  return text.split(" ").filter(Boolean).map(Number);
}

test.each([1, 4])(
  "a rate limit holds over %d workers, and outlives each of them",
  async (workers) => {
    await using app = startApp(() => new Response("ok"));
    await using proxy = await ProxyProcess.start({ env: { KAMAL_PROXY_WORKERS: String(workers) } });
    await proxy.deploy("web", app.address, "--rate-limit=200/h");
    // A connection for each request, so that the kernel deals them out to all workers.
    const ask = async (): Promise<number> =>
      (await fetch(proxy.url, { keepalive: false, headers: { Connection: "close" } })).status;
    const statuses: number[] = [];
    const client = async (): Promise<void> => {
      for (let i = 0; i < 50; i++) statuses.push(await ask());
    };
    await Promise.all(Array.from({ length: 8 }, client));
    const passed = statuses.filter((status) => status === 200).length;
    expect(statuses.length).toBe(400);
    expect(passed).toBeGreaterThanOrEqual(200);
    expect(passed).toBeLessThanOrEqual(210);
    expect(await ask()).toBe(429);

    // A deploy changes nothing, nor does the death of every worker.
    await proxy.deploy("web", app.address, "--rate-limit=200/h");
    expect(await ask()).toBe(429);
    const killed = await childrenOf(proxy.pid);
    expect(killed.length).toBe(workers);
    for (const pid of killed) process.kill(pid, "SIGKILL");
    await waitFor(async () => {
      const now = await childrenOf(proxy.pid);
      return now.length === workers && !now.some((pid) => killed.includes(pid));
    }, "the successors of all workers");
    expect(await ask()).toBe(429);
  },
  60_000,
);

test("a policy without a rate limit is refused, and a rate that is none", async () => {
  await using proxy = await ProxyProcess.start();
  const deploy = (...flags: string[]) => proxy.runHere("deploy", "web", "--target=a", ...flags);
  expect((await deploy("--rate-limit=20")).stderr).toContain(
    'invalid value "20" for --rate-limit: must be a number for each second, minute or hour',
  );
  expect((await deploy("--rate-limit-burst=3")).stderr).toContain("rate-limit must be set");
  expect((await deploy("--rate-limit=1/s", "--rate-limit-key=header:a b")).stderr).toContain(
    "must be ip, header:NAME or cookie:NAME",
  );
  expect((await deploy("--rate-limit=1/s", "--rate-limit-path=/a/../b")).stderr).toContain(
    "must be a path alone",
  );
});
