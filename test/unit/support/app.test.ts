import { expect, test } from "bun:test";
import { startApp } from "../../support/app.ts";

test("startApp answers health checks itself and counts the other requests", async () => {
  await using app = startApp(async (request) => new Response(await request.text()));
  const url = `http://${app.address}`;
  expect((await fetch(`${url}/up`)).status).toBe(200);
  app.healthy = false;
  expect((await fetch(`${url}/up`)).status).toBe(503);
  expect(await (await fetch(url, { method: "POST", body: "echo" })).text()).toBe("echo");
  expect(app.requestCount).toBe(1);
});
