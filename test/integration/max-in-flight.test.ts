import { expect, test } from "bun:test";
import { startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { waitFor } from "../support/wait-for.ts";

test("requests beyond --max-in-flight wait for their turn, and leave it when their client goes", async () => {
  const held: (() => void)[] = [];
  await using app = startApp(async () => {
    await new Promise<void>((resolve) => held.push(resolve));
    return new Response("ok");
  });
  await using proxy = await ProxyProcess.start();
  const flags = ["--max-in-flight=2", "--queue-timeout=30s"];
  await proxy.deploy("web", app.address, ...flags);
  const ask = () => fetch(proxy.url, { keepalive: false }).then(({ status }) => status);
  const first = [ask(), ask()];
  await waitFor(() => held.length === 2, "two requests at the app");
  const leaving = await connectRaw(proxy.httpPort);
  leaving.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  leaving.close();
  const waiting = [ask(), ask()];
  await proxy.waitForLog((line) => line["status"] === 499);
  expect(held.length).toBe(2);
  for (const release of held.splice(0)) release();
  expect(await Promise.all(first)).toEqual([200, 200]);
  await waitFor(() => held.length === 2, "those that waited at the app");

  // Without a queue the next one is turned away.
  await proxy.deploy("strict", app.address, "--host=strict", "--max-in-flight=1");
  const headers = { Host: "strict" };
  const only = fetch(proxy.url, { keepalive: false, headers });
  await waitFor(() => held.length === 3, "the only one at the app");
  const refused = await fetch(proxy.url, { keepalive: false, headers });
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
  for (const release of held.splice(0)) release();
  expect([...(await Promise.all(waiting)), (await only).status]).toEqual([200, 200, 200]);
  const line = await proxy.waitForLog((each) => each["policy"] === "max-in-flight");
  expect(line).toMatchObject({ status: 503 });
}, 60_000);
