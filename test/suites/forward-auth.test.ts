/** --forward-auth: who is asked what, and what becomes of the answer, over every protocol. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { ProxyProcess } from "../support/proxy-process.ts";
import { type RawMessage, valuesOf as valuesIn } from "../support/raw-response.ts";
import { type AppScript, ok, type ScriptedApp, startScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";
import {
  type Answer,
  ask,
  type Carrier,
  type Field,
  type RequestSpec,
  valuesOf,
} from "./carrier.ts";
import { http2 } from "./http2-carrier.ts";
import { plainHttp1 } from "./http1-carrier.ts";
import { http3 } from "./http3-carrier.ts";
import { carriers, deployBelow, portOf, startSite } from "./site.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;
let auth: ScriptedApp;

const passes =
  "HTTP/1.1 204 No Content\r\nRemote-User: ann\r\nX-Roles: a\r\nX-Roles: b\r\nX-Other: o\r\n\r\n";
const refuses =
  "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nSet-Cookie: a=1; Path=/\r\n" +
  "Set-Cookie: b=2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 7\r\n\r\nlog in!";
const copied = ["--forward-auth-copy-header=Remote-User,x-roles"];

beforeAll(async () => {
  [app, auth] = [startScriptedApp(), startScriptedApp()];
  proxy = await startSite(app.address);
  const url = `http://${auth.address}/verify?x=1`;
  const services: Record<string, string[]> = {
    url: [`--forward-auth=${url}`, ...copied],
    own: ["--forward-auth=/verify", ...copied],
    other: ["--forward-auth=service:auth/verify"],
    late: [`--forward-auth=${url}`, "--forward-auth-timeout=300ms"],
    both: [
      `--forward-auth=${url}`,
      `--basic-auth=ann:${await Bun.password.hash("secret", { algorithm: "bcrypt", cost: 4 })}`,
    ],
    gone: ["--forward-auth=service:nobody/verify"],
    again: [`--forward-auth=${url}`, ...copied],
  };
  for (const [name, flags] of Object.entries(services)) {
    await deployBelow(proxy, name, app.address, ...flags);
  }
  await proxy.deploy("auth", auth.address, "--host=auth.localhost");
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
  auth[Symbol.dispose]();
});
beforeEach(() => {
  app.answer = () => ok;
  auth.answer = () => passes;
});

const last = (of: ScriptedApp): RawMessage => of.requests.at(-1)!;

describe.each(carriers)("over $name", (carrier: Carrier) => {
  const port = (): number => portOf(proxy, carrier);
  const asked = (spec: RequestSpec): Promise<Answer> => ask(carrier, port(), spec);
  /** The client of the runtime names the port as well. */
  const host = (): string => (carrier === http3 ? `localhost:${port()}` : "localhost");
  const counts = () => [auth.requests.length, app.requests.length] as const;
  const mark = carrier.name.replaceAll(/\W/g, "");

  test("the head of a request is asked about, and nothing that a client made up", async () => {
    const spoofed: Field[] = [
      ["X-Forwarded-Uri", "/public"],
      ["X_Forwarded_Method", "GET"],
      ["X-Forwarded-Method", "GET"],
      ["X-Original-Url", "https://public.test/"],
      ["X-Forwarded-For", "203.0.113.9"],
      ["Remote-User", "root"],
      ["remote_user", "root"],
      ["X-Roles", "admin"],
      ["If-None-Match", '"x"'],
      ["Range", "bytes=0-1"],
    ];
    const given: Field[] = [
      ["Cookie", "session=1"],
      ["Authorization", "Bearer t"],
      ["Content-Type", "text/plain"],
      ["X-Own", "1"],
    ];
    const answer = await asked({
      method: "POST",
      path: "/url/a%2Fb?c=d",
      fields: [...given, ...spoofed],
      body: Buffer.from("body"),
    });
    expect(answer.status).toBe(200);
    const question = last(auth);
    expect(question.startLine).toBe("GET /verify?x=1 HTTP/1.1");
    expect(question.body.length).toBe(0);
    const wanted: Record<string, string[]> = {
      host: [auth.address],
      "x-forwarded-method": ["POST"],
      "x-forwarded-uri": ["/url/a%2Fb?c=d"],
      "x-forwarded-host": [host()],
      "x-forwarded-proto": [carrier.scheme],
      "x-forwarded-for": [
        carrier === http3 ? expect.stringMatching(/^(127.0.0.1|::1)$/) : "127.0.0.1",
      ],
      cookie: ["session=1"],
      authorization: ["Bearer t"],
      "x-own": ["1"],
    };
    for (const name of [
      "x_forwarded_method",
      "x-original-url",
      "remote-user",
      "remote_user",
      "x-roles",
      "if-none-match",
      "range",
      "content-type",
      "content-length",
      "transfer-encoding",
    ]) {
      wanted[name] = [];
    }
    for (const [name, values] of Object.entries(wanted)) {
      expect([name, valuesIn(question, name)]).toEqual([name, values]);
    }
    const request = last(app);
    expect(request.startLine).toBe("POST /url/a%2Fb?c=d HTTP/1.1");
    expect(request.body.toString()).toBe("body");
    expect(valuesIn(request, "remote-user")).toEqual(["ann"]);
    expect(valuesIn(request, "remote_user")).toEqual([]);
    expect(valuesIn(request, "x-roles")).toEqual(["a", "b"]);
    expect(valuesIn(request, "x-other")).toEqual([]);
    expect(valuesIn(request, "range")).toEqual(["bytes=0-1"]);
    expect(valuesIn(request, "authorization")).toEqual(["Bearer t"]);
  });

  test("fields that the answer does not set reach the app from nobody", async () => {
    auth.answer = () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    expect((await asked({ path: "/url/a", fields: [["Remote-User", "root"]] })).status).toBe(200);
    expect(valuesIn(last(app), "remote-user")).toEqual([]);
    // Health checks pass without a question, and without the field.
    const before = auth.requests.length;
    app.healthAnswer = ok;
    await asked({ path: "/up", fields: [["Remote-User", "root"]] });
    expect(auth.requests.length).toBe(before);
  });

  test("a session that the server begins or renews reaches the client, in a response that is its alone", async () => {
    const session = "Set-Cookie: session=2; Path=/\r\nSet-Cookie: csrf=auth";
    auth.answer = () => passes.replace("\r\n\r\n", `\r\n${session}\r\n\r\n`);
    app.answer = () =>
      "HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60, s-maxage=90\r\nSet-Cookie: csrf=app\r\n" +
      "Content-Length: 0\r\n\r\n";
    const { fields } = await asked({ path: "/url/a" });
    // Of a cookie that both set the app's counts.
    expect(valuesOf(fields, "set-cookie")).toEqual(["csrf=app", "session=2; Path=/"]);
    expect(valuesOf(fields, "cache-control")).toEqual(["private, max-age=60"]);

    auth.answer = () => passes;
    const later = await asked({ path: "/url/a" });
    expect(valuesOf(later.fields, "set-cookie")).toEqual(["csrf=app"]);
    expect(valuesOf(later.fields, "cache-control")).toEqual(["public, max-age=60, s-maxage=90"]);
  });

  test("what does not let a request pass is the answer, as it came", async () => {
    auth.answer = () => refuses;
    const before = counts();
    const path = `/url/refused-${mark}`;
    const answer = await asked({ path, method: "PUT", body: Buffer.alloc(100_000) });
    expect([answer.status, answer.body.toString()]).toEqual([401, "log in!"]);
    expect(valuesOf(answer.fields, "set-cookie")).toEqual(["a=1; Path=/", "b=2"]);
    expect(valuesOf(answer.fields, "www-authenticate")).toEqual(["Bearer"]);
    expect(valuesOf(answer.fields, "x-hop")).toEqual([]);
    expect(counts()).toEqual([before[0] + 1, before[1]]);
    const line = await proxy.waitForLog((each) => each["path"] === path);
    expect(line).toMatchObject({ policy: "forward-auth", status: 401 });

    auth.answer = () =>
      "HTTP/1.1 302 Found\r\nLocation: https://login.test/\r\nContent-Length: 0\r\n\r\n";
    const redirect = await asked({ path: "/url/a" });
    expect([redirect.status, valuesOf(redirect.fields, "location")]).toEqual([
      302,
      ["https://login.test/"],
    ]);

    const page = "x".repeat(300_000);
    auth.answer = () =>
      `HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n${page.length.toString(16)}\r\n${page}\r\n0\r\n\r\n`;
    const long = await asked({ path: "/url/a" });
    expect([long.status, long.body.length]).toEqual([403, page.length]);
    auth.answer = () => `HTTP/1.1 403 Forbidden\r\nContent-Length: ${page.length}\r\n\r\n${page}`;
    expect((await asked({ path: "/url/a" })).body.length).toBe(page.length);

    auth.answer = () => refuses;
    const head = await asked({ path: "/url/a", method: "HEAD" });
    expect([head.status, head.body.length]).toEqual([401, 0]);
    auth.answer = () => passes;
    expect((await asked({ path: "/url/a", method: "HEAD" })).status).toBe(200);
    expect(last(app).startLine).toStartWith("HEAD ");
  });

  test("an answer without end is cut, and one that is announced too large is none", async () => {
    // The server of the runtime can't break off an answer over HTTP/3.
    if (carrier !== http3) {
      auth.answer = () =>
        `HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n${"x".repeat(0x200000)}\r\n`;
      const endless = await asked({ path: "/url/a" }).then(
        () => "whole",
        () => "cut",
      );
      expect(endless).toBe("cut");
    }
    auth.answer = () => "HTTP/1.1 403 Forbidden\r\nContent-Length: 2000000\r\n\r\n";
    expect((await asked({ path: "/url/a" })).status).toBe(502);
  });

  test.each([
    ["nothing", () => null, "/late", 504, "auth-server-timeout"],
    ["a broken head", () => "nonsense\r\n\r\n", "/url", 502, "auth-server-failed"],
    [
      "another protocol",
      () => "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      "/url",
      502,
      "auth-server-failed",
    ],
    ["no server", () => null, "/gone", 503, "auth-server-missing"],
  ] as [string, AppScript, string, number, string][])(
    "%s is no leave",
    async (_what, answer, prefix, status, code) => {
      auth.answer = answer;
      const before = app.requests.length;
      const path = `${prefix}/${code}-${mark}`;
      const given = await asked({ path });
      expect([given.status, valuesOf(given.fields, "x-kamal-proxy-error")]).toEqual([
        status,
        [code],
      ]);
      expect(app.requests.length).toBe(before);
      const line = await proxy.waitForLog(
        (each) => each["path"] === path && each["status"] === status,
      );
      expect(line["policy"]).toBe("forward-auth");
      expect(line["error"]).toStartWith(`${code}: `);
    },
  );

  test("a client that leaves takes its question along", async () => {
    auth.answer = () => null;
    const path = `/url/left-${mark}`;
    const before = auth.requests.length;
    const request = await carrier.open(port(), { path });
    void request.answer().catch(() => {});
    await waitFor(() => auth.requests.length > before, "the question");
    const { openConnections } = auth;
    request.leave();
    // The server of the runtime does not tell of clients of HTTP/3 that leave before the answer.
    if (carrier !== http3) {
      const line = await proxy.waitForLog((each) => each["path"] === path);
      expect(line["status"]).toBe(499);
      await waitFor(() => auth.openConnections < openConnections, "the end of the question");
    }
    request[Symbol.dispose]();
  });

  test("a switch of protocols passes with leave alone", async () => {
    if (carrier === http3) return;
    const { spec, status } = carrier.switching;
    auth.answer = () => passes.replace("\r\n\r\n", "\r\nSet-Cookie: session=2\r\n\r\n");
    app.answer = () =>
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    const opened = await carrier.open(port(), { ...spec, path: "/url/socket" });
    if (carrier !== http2) {
      const answer = await opened.answer();
      expect([answer.status, valuesOf(answer.fields, "set-cookie")]).toEqual([
        status,
        ["session=2"],
      ]);
    } else
      await waitFor(() => last(app).startLine.includes("/url/socket"), "the switch at the app");
    expect(valuesIn(last(app), "remote-user")).toEqual(["ann"]);
    expect(valuesIn(last(auth), "upgrade")).toEqual([]);
    expect(valuesIn(last(auth), "x-forwarded-method")).toEqual(["GET"]);
    opened.leave();
    opened[Symbol.dispose]();
    app.connections.at(-1)!.close();
    auth.answer = () => refuses;
    const refused = await asked({ ...spec, path: "/url/socket" });
    expect([refused.status, refused.body.toString()]).toEqual([401, "log in!"]);
  });

  test("clients of gRPC get the status that stands for it", async () => {
    const grpc: RequestSpec = {
      method: "POST",
      path: "/url/pkg.Service/Call",
      fields: [["Content-Type", "application/grpc"]],
      body: Buffer.from([0, 0, 0, 0, 0]),
    };
    for (const [answer, status] of [
      [refuses, "16"],
      ["HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "7"],
      ["HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n", "16"],
    ] as const) {
      auth.answer = () => answer;
      const given = await asked(grpc);
      expect([given.status, valuesOf(given.fields, "grpc-status")]).toEqual([200, [status]]);
    }
  });

  test("an upload waits for the leave, and is not asked for without", async () => {
    // Clients of HTTP/3 of the runtime announce nothing.
    if (carrier === http3) return;
    const leave = Promise.withResolvers<string>();
    auth.answer = () => leave.promise;
    const expecting: RequestSpec = {
      method: "POST",
      path: "/url/upload",
      fields: [["Expect", "100-continue"]],
      streams: 5,
    };
    const before = counts();
    const request = await carrier.open(port(), expecting);
    await waitFor(() => auth.requests.length > before[0], "the question");
    expect(valuesIn(last(auth), "expect")).toEqual([]);
    expect(app.requests.length).toBe(before[1]);
    leave.resolve(passes);
    await request.send(Buffer.from("12345"));
    if (carrier === http2) request.end();
    const answer = await request.answer();
    expect([answer.status, answer.informational]).toEqual([200, [100]]);
    expect(last(app).body.toString()).toBe("12345");
    request[Symbol.dispose]();

    auth.answer = () => refuses;
    const refused = await carrier.open(port(), expecting);
    const given = await refused.answer();
    expect([given.status, given.informational]).toEqual([401, []]);
    refused[Symbol.dispose]();
  });

  test("an answer is used again only where it says so, and for the same question", async () => {
    const path = `/again/${mark}`;
    const times = async (answer: string, ...specs: RequestSpec[]): Promise<number> => {
      auth.answer = () => answer;
      const before = auth.requests.length;
      for (const spec of specs) {
        expect((await asked({ path, ...spec })).status).toBe(200);
        expect(valuesIn(last(app), "remote-user")).toEqual(["ann"]);
      }
      return auth.requests.length - before;
    };
    const passing = (field: string): string => passes.replace("\r\n\r\n", `\r\n${field}\r\n\r\n`);
    const [me, other] = ["a", "b"].map((name): RequestSpec => ({
      fields: [["Cookie", `s=${name}`]],
    }));
    expect(await times(passes, me!, me!)).toBe(2);
    expect(await times(passing("Cache-Control: no-store, max-age=60"), me!, me!)).toBe(2);
    expect(await times(passing("Cache-Control: max-age=60\r\nSet-Cookie: x=1"), me!, me!)).toBe(2);
    expect(await times(passing("Cache-Control: max-age=60\r\nVary: *"), me!, me!)).toBe(2);
    const reusable = passing("Cache-Control: private, max-age=60");
    expect(await times(reusable, me!, me!, other!, other!, me!)).toBe(2);
    expect(await times(reusable, { ...me, path: `${path}/x` }, { ...me, method: "DELETE" })).toBe(
      2,
    );
    auth.answer = () => refuses.replace("\r\n", "\r\nCache-Control: max-age=60\r\n");
    const before = auth.requests.length;
    const denied = { path: `${path}/denied` };
    expect([(await asked(denied)).status, (await asked(denied)).status]).toEqual([401, 401]);
    expect(auth.requests.length - before).toBe(2);
  });

  test("the app itself and another service can be asked", async () => {
    app.answer = ({ startLine }) => (startLine.startsWith("GET /verify") ? passes : ok);
    expect((await asked({ path: "/own/a", method: "DELETE" })).status).toBe(200);
    const [question, request] = app.requests.slice(-2);
    expect([question!.startLine, request!.startLine]).toEqual([
      "GET /verify HTTP/1.1",
      "DELETE /own/a HTTP/1.1",
    ]);
    expect(valuesIn(question!, "host")).toEqual([host()]);
    expect(valuesIn(request!, "remote-user")).toEqual(["ann"]);
    expect((await asked({ path: "/other/a" })).status).toBe(200);
    expect(valuesIn(last(auth), "host")).toEqual(["auth.localhost"]);
    expect(valuesIn(last(auth), "x-forwarded-host")).toEqual([host()]);
    auth.answer = () => refuses;
    expect((await asked({ path: "/other/a" })).status).toBe(401);
  });

  test("the password of --basic-auth stays with the proxy", async () => {
    const authorization: Field = ["Authorization", `Basic ${btoa("ann:secret")}`];
    expect((await asked({ path: "/both/a" })).status).toBe(401);
    expect((await asked({ path: "/both/a", fields: [authorization] })).status).toBe(200);
    expect(valuesIn(last(auth), "authorization")).toEqual([]);
  });
});

test("a paused app is asked when it goes on", async () => {
  app.answer = () => passes;
  expect((await proxy.runHere("pause", "own")).code).toBe(0);
  const before = app.requests.length;
  const held = ask(plainHttp1, proxy.httpPort, { path: "/own/held" });
  await waitFor(async () => {
    const { stdout } = await proxy.runHere("list", "--json");
    return JSON.parse(stdout).own.held_requests === 1;
  }, "the request to be held");
  expect(app.requests.length).toBe(before);
  expect((await proxy.runHere("resume", "own")).code).toBe(0);
  expect((await held).status).toBe(204);
  expect((await proxy.runHere("stop", "own")).code).toBe(0);
  const stopped = await ask(plainHttp1, proxy.httpPort, { path: "/own/stopped" });
  expect(valuesOf(stopped.fields, "x-kamal-proxy-error")).toEqual(["service-stopped"]);
  const line = await proxy.waitForLog((each) => each["path"] === "/own/stopped");
  expect(line["policy"] ?? "").toBe("");
  expect((await proxy.runHere("resume", "own")).code).toBe(0);
});
