/** A process that did not run for a while (stopped, a snapshot of its machine) blames nobody for it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { waitFor } from "../support/wait-for.ts";

setDefaultTimeout(60_000);

/** Longer than every time-out below, so that all of them end while the process is stopped. */
const frozenMs = 1_500;
const freezes = 3;
const clients = 20;
/** So that requests are under way, and answered, while the process is stopped. */
const answerMs = 150;

test("a process that was stopped reads what has arrived before it judges anybody", async () => {
  const answer = async (): Promise<Response> => {
    await Bun.sleep(answerMs);
    return new Response("answer");
  };
  await using first = startApp(answer);
  await using second = startApp(answer);
  await using proxy = await ProxyProcess.start({
    env: { KAMAL_PROXY_IDLE_TIMEOUT: "1s", KAMAL_PROXY_HEADER_TIMEOUT: "1s" },
  });
  await proxy.deploy(
    "app",
    `${first.address},${second.address}`,
    "--health-check-interval=20ms",
    "--health-check-timeout=1s",
    "--target-timeout=1s",
  );

  let answered = 0;
  const ending = new AbortController();
  const failures: string[] = [];
  const client = async (): Promise<void> => {
    using connection = await connectRaw(proxy.httpPort);
    while (!ending.signal.aborted) {
      connection.send("GET / HTTP/1.1\r\nHost: app\r\n\r\n");
      const { startLine, body } = await readResponse(connection);
      if (body.toString() === "answer") answered += 1;
      else failures.push(startLine);
    }
  };
  const load = Array.from({ length: clients }, () =>
    client().catch((error: unknown) => failures.push(String(error))),
  );

  for (let i = 0; i < freezes; i++) {
    const enough = answered + 2 * clients;
    await waitFor(() => answered >= enough || failures.length > 0, "answers");
    await proxy.freeze(frozenMs);
  }
  ending.abort();
  await Promise.all(load);
  expect(failures).toEqual([]);
  expect(proxy.logs.filter(({ msg }) => msg === "Healthcheck failed")).toEqual([]);
});
