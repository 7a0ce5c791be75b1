import { expect, test } from "bun:test";
import { maxAuthQuestions, maxWaitingAuthQuestions } from "../../src/config/access-limits.ts";
import { createCertificate } from "../support/certificates.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";

const workers = { KAMAL_PROXY_WORKERS: "1" };

test("an auth server that does not answer gets so many questions, and costs other services nothing", async () => {
  const release = Promise.withResolvers<string>();
  using app = startScriptedApp();
  using auth = startScriptedApp(() => release.promise);
  await using proxy = await ProxyProcess.start({ env: workers });
  const flags = ["--forward-auth-timeout=60s", "--host=closed.test"];
  await proxy.deploy("closed", app.address, `--forward-auth=http://${auth.address}/`, ...flags);
  await proxy.deploy("open", app.address, "--host=open.test");
  const excess = 5;
  const clients: RawConnection[] = [];
  const ask = async (host: string): Promise<RawConnection> => {
    const client = await connectRaw(proxy.httpPort);
    client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return client;
  };
  for (let i = 0; i < maxAuthQuestions + maxWaitingAuthQuestions + excess; i++) {
    clients.push(await ask("closed.test"));
  }
  const refused = () => clients.filter(({ unread }) => unread.includes("\r\n\r\n"));
  await waitFor(() => refused().length >= excess, "answers to those who came last");
  const turnedAway = refused();
  for (const client of turnedAway) {
    const answer = await readResponse(client);
    expect([answer.status, ...valuesOf(answer, "retry-after")]).toEqual([503, "1"]);
    expect(valuesOf(answer, "x-kamal-proxy-error")).toEqual(["auth-server-busy"]);
  }
  expect(auth.requests.length).toBe(maxAuthQuestions);
  const other = await ask("open.test");
  expect((await readResponse(other)).status).toBe(200);
  expect(app.requests.length).toBe(1);
  // Places are taken by those who wait, and by nobody whose client has left.
  const waiting = clients.filter((client) => !turnedAway.includes(client)).slice(-100);
  for (const client of waiting.slice(0, 99)) client.close();
  await waitFor(
    () => proxy.logs.filter(({ status }) => status === 499).length === 99,
    "the end of those who left",
  );
  release.resolve(ok);
  expect((await readResponse(waiting.at(-1)!)).status).toBe(200);
  await waitFor(() => app.requests.length > maxWaitingAuthQuestions, "all others at the app");
  expect(auth.requests.length).toBe(maxAuthQuestions + maxWaitingAuthQuestions - 99);
  for (const client of [...clients, other]) client.close();
}, 120_000);

test("an auth server is asked over TLS, and has to have a certificate", async () => {
  using folder = tempFolder();
  const authority = createCertificate(["Test authority"], { isAuthority: true });
  const { certificate, privateKey } = createCertificate(["localhost"], { issuer: authority });
  await Bun.write(folder.file("ca.pem"), authority.certificate);
  const page = "x".repeat(900_000);
  let asked = 0;
  await using auth = Bun.serve({
    port: 0,
    tls: { cert: certificate, key: privateKey },
    fetch({ headers }) {
      asked++;
      return headers.get("X-Forwarded-Uri") === "/denied"
        ? new Response(page, { status: 403 })
        : new Response("fine");
    },
  });
  using app = startScriptedApp();
  const url = `--forward-auth=https://localhost:${auth.port}/`;
  const status = async (proxy: ProxyProcess, path: string) => {
    const answer = await fetch(proxy.url + path);
    return [answer.status, (await answer.text()).length];
  };
  {
    const env = { ...workers, SSL_CERT_FILE: folder.file("ca.pem") };
    await using proxy = await ProxyProcess.start({ env });
    await proxy.deploy("web", app.address, url);
    for (let i = 0; i < 3; i++) {
      expect(await status(proxy, "/")).toEqual([200, 2]);
      expect(await status(proxy, "/denied")).toEqual([403, page.length]);
    }
    expect(asked).toBe(6);
  }
  await using proxy = await ProxyProcess.start({ env: workers });
  await proxy.deploy("web", app.address, url);
  expect((await status(proxy, "/"))[0]).toBe(502);
  const line = await proxy.waitForLog((each) => each["status"] === 502);
  expect(line["error"]).toContain("TLS handshake failed");
  expect(asked).toBe(6);
}, 60_000);

test("of the app's own targets another one is asked when one refuses, and a drain waits for questions", async () => {
  const held: PromiseWithResolvers<string>[] = [];
  using one = startScriptedApp(({ startLine }) => {
    if (!startLine.startsWith("GET /verify")) return ok;
    held.push(Promise.withResolvers());
    return held.at(-1)!.promise;
  });
  const two = startScriptedApp();
  await using proxy = await ProxyProcess.start({ env: workers });
  const flags = ["--forward-auth=/verify", "--health-check-interval=1h"];
  await proxy.deploy("web", one.address, `--target=${two.address}`, ...flags);
  two[Symbol.dispose]();
  const answers = [fetch(proxy.url), fetch(proxy.url)];
  await waitFor(() => held.length === 2, "both questions at the target that is left");
  using next = startScriptedApp();
  const deploy = proxy.deploy("web", next.address, ...flags);
  await waitFor(async () => {
    const { stdout } = await proxy.runHere("list", "--json");
    return stdout.includes(next.address);
  }, "the new target to serve");
  for (const { resolve } of held) resolve(ok);
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
  await deploy;
  expect(next.requests.length).toBe(2);
}, 60_000);
