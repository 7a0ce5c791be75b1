/** What must hold for requests and responses whatever carries them: written once, run over every protocol. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { ProxyProcess, severalWorkers } from "../support/proxy-process.ts";
import type { RawConnection } from "../support/raw-connection.ts";
import { type RawServer, startRawServer } from "../support/raw-server.ts";
import { ok, startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Answer, ask, type Carrier, type RequestSpec, valuesOf } from "./carrier.ts";
import { exceptions } from "./exceptions.ts";
import { untilHttp3Serves } from "./http3-carrier.ts";
import { carriers, deployBelow, flagsOfSite, portOf } from "./site.ts";

const large = randomBytes(300_000);
const maxRequestBody = 400_000;
const loopback = ["127.0.0.1", "::1"];
const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

let proxy: ProxyProcess;
/** Serves all paths but those below /raw. */
let app: ScriptedApp;
/** Serves /raw: sees a request as soon as its head is there. */
let rawApp: RawServer;
let script: (connection: RawConnection, head: string) => unknown = () => {};
let flags: string[];

beforeAll(async () => {
  app = startScriptedApp();
  rawApp = startRawServer(async (connection) => {
    for (;;) {
      const head = await connection.receive("\r\n\r\n");
      if (head.startsWith("GET /up ")) connection.send(ok);
      else await script(connection, head);
    }
  });
  proxy = await ProxyProcess.start({ args: ["--http3"], env: severalWorkers });
  flags = flagsOfSite(proxy);
  await deploy(app.address);
  await deployBelow(proxy, "raw", rawApp.address, "--target-timeout=1s");
  await proxy.deploy(
    "limited",
    app.address,
    "--host=localhost",
    "--path-prefix=/limited",
    "--buffer-requests",
    `--max-request-body=${maxRequestBody}`,
  );
  await untilHttp3Serves(proxy.httpsPort);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
  rawApp[Symbol.dispose]();
});
beforeEach(() => {
  app.answer = () => ok;
});

async function deploy(target: string): Promise<void> {
  await proxy.deploy("web", target, ...flags);
}

const seen = () => app.requests.at(-1)!;
const withLength = (body: string, head = ""): string =>
  `HTTP/1.1 200 OK\r\n${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

const ran = new Set<string>();

describe.each(carriers)("$name", (carrier: Carrier) => {
  const port = () => portOf(proxy, carrier);
  const get = (spec: RequestSpec = {}): Promise<Answer> => ask(carrier, port(), spec);
  const open = (spec: RequestSpec) => carrier.open(port(), spec);

  /** A test, or the proof that it does not hold yet. */
  function holds(name: string, run: () => Promise<void>): void {
    ran.add(`${carrier.name}: ${name}`);
    const reason = exceptions[carrier.name]?.[name];
    if (reason === undefined) test(name, run);
    else test.failing(`${name} (not yet: ${reason})`, run);
  }

  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    holds(`${method} passes`, async () => {
      expect(await get({ method, path: "/thing" })).toMatchObject({ status: 200 });
      expect(seen().startLine).toBe(`${method} /thing HTTP/1.1`);
    });
  }

  holds("HEAD passes, and its answer has no body", async () => {
    app.answer = () => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    const answer = await get({ method: "HEAD" });
    expect([answer.status, answer.body.length]).toEqual([200, 0]);
    expect(seen().startLine).toBe("HEAD / HTTP/1.1");
  });

  holds("a method of its own passes", async () => {
    expect((await get({ method: "PURGE" })).status).toBe(200);
    expect(seen().startLine).toBe("PURGE / HTTP/1.1");
  });

  for (const method of ["FOO", "QUERY", "M-SEARCH"]) {
    holds(`${method} passes, with its body`, async () => {
      expect((await get({ method, body: Buffer.from("abc") })).status).toBe(200);
      expect(seen().startLine).toBe(`${method} / HTTP/1.1`);
      expect(seen().body.toString()).toBe("abc");
    });
  }

  holds("OPTIONS * is answered by the proxy, for no service", async () => {
    const before = app.requests.length;
    const answer = await get({ method: "OPTIONS", path: "*" });
    expect([answer.status, answer.body.length]).toEqual([200, 0]);
    expect(app.requests.length).toBe(before);
  });

  holds("a target passes as it was sent", async () => {
    const path = "/a%20b/%E2%9C%93?c=d%20e&f&g=%2F";
    await get({ path });
    expect(seen().startLine).toBe(`GET ${path} HTTP/1.1`);
  });

  for (const path of ["/a/../b//c/./d", "/a/%2e%2e/c", "/a//b/%2F?x=../y", "/a\\b", "/a?x=\\"]) {
    holds(`the target ${path} stays as it is`, async () => {
      await get({ path });
      expect(seen().startLine).toBe(`GET ${path} HTTP/1.1`);
    });
  }

  holds("bytes above ASCII in a path arrive escaped, none is lost", async () => {
    await get({ path: "/caf\xe9/\xc3\xa9" });
    expect(seen().startLine).toBe("GET /caf%E9/%C3%A9 HTTP/1.1");
  });

  holds("fields pass, with those that say who asks", async () => {
    await get({
      fields: [
        ["X-Own", "some value"],
        ["Cookie", "a=1; b=2"],
        ["X-Forwarded-For", "10.0.0.1"],
      ],
    });
    expect(valuesOf(seen().fields, "x-own")).toEqual(["some value"]);
    expect(valuesOf(seen().fields, "cookie")).toEqual(["a=1; b=2"]);
    expect(valuesOf(seen().fields, "host")[0]).toStartWith("localhost");
    expect(valuesOf(seen().fields, "x-forwarded-proto")).toEqual([carrier.scheme]);
    expect(loopback).toContain(valuesOf(seen().fields, "x-forwarded-for").join());
    expect(valuesOf(seen().fields, "x-request-id")).toHaveLength(1);
  });

  holds("a long field passes", async () => {
    const value = "v".repeat(30_000);
    expect((await get({ fields: [["X-Long", value]] })).status).toBe(200);
    expect(valuesOf(seen().fields, "x-long")).toEqual([value]);
  });

  holds("a head of 200 KB passes", async () => {
    const fields = Array.from({ length: 50 }, (_, i): [string, string] => [
      `X-${i}`,
      "v".repeat(4_000),
    ]);
    expect((await get({ fields })).status).toBe(200);
    const sizes = fields.map(([name]) => valuesOf(seen().fields, name.toLowerCase()).join().length);
    expect(sizes).toEqual(fields.map(() => 4_000));
  });

  holds("a head that is too large is answered 431", async () => {
    const fields = Array.from({ length: 40 }, (_, i): [string, string] => [
      `X-Long-${i}`,
      "v".repeat(30_000),
    ]);
    const before = app.requests.length;
    expect((await get({ fields })).status).toBe(431);
    expect(app.requests.length).toBe(before);
  });

  holds("fields of the answer pass, those of the connection do not", async () => {
    app.answer = () =>
      withLength(
        "body",
        "X-Own: yes\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: X-Hop\r\nX-Hop: 1\r\n",
      );
    const { fields, status } = await get();
    expect(status).toBe(200);
    expect(valuesOf(fields, "x-own")).toEqual(["yes"]);
    expect(valuesOf(fields, "set-cookie")).toEqual(["a=1", "b=2"]);
    expect(valuesOf(fields, "content-length")).toEqual(["4"]);
    expect(valuesOf(fields, "x-hop")).toEqual([]);
  });

  holds("repeated fields of an answer stay apart", async () => {
    app.answer = () => withLength("", "X-A: 1\r\nX-A: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
    const { fields } = await get();
    expect(valuesOf(fields, "x-a")).toEqual(["1", "2"]);
    expect(valuesOf(fields, "set-cookie")).toEqual(["a=1", "b=2"]);
  });

  for (const status of [201, 204, 301, 304, 404, 418, 500, 599]) {
    holds(`status ${status} passes`, async () => {
      const length = status === 204 || status === 304 ? "" : "Content-Length: 0\r\n";
      app.answer = () => `HTTP/1.1 ${status} Whatever\r\n${length}\r\n`;
      const answer = await get();
      expect([answer.status, answer.body.length]).toEqual([status, 0]);
    });
  }

  holds("a 103 of the app passes", async () => {
    app.answer = () => `HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n${ok}`;
    expect(await get()).toMatchObject({ informational: [103], status: 200 });
  });

  holds("a body passes, with its length", async () => {
    const answer = await get({ method: "POST", body: large });
    expect(answer.status).toBe(200);
    expect(hashOf(seen().body)).toBe(hashOf(large));
    expect(valuesOf(seen().fields, "content-length")).toEqual([String(large.length)]);
  });

  holds("a body in pieces passes, without a length", async () => {
    using request = await open({ method: "POST", streams: true });
    for (let at = 0; at < large.length; at += 50_000) {
      await request.send(large.subarray(at, at + 50_000));
    }
    request.end();
    expect((await request.answer()).status).toBe(200);
    expect(hashOf(seen().body)).toBe(hashOf(large));
  });

  holds("trailers of a request pass", async () => {
    using request = await open({ method: "POST", fields: [["Trailer", "x-sum"]], streams: true });
    await request.send(Buffer.from("abc"));
    request.end([
      ["x-sum", "6"],
      ["host", "evil.test"],
    ]);
    expect((await request.answer()).status).toBe(200);
    expect(seen().body.toString()).toBe("abc");
    // What routes a message is no trailer (RFC 9110 6.5.1).
    expect(seen().trailers).toEqual([["x-sum", "6"]]);
  });

  holds("a client that expects 100-continue is told to go on by the proxy itself", async () => {
    app.answer = () => "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n";
    using request = await open({
      method: "POST",
      fields: [["Expect", "100-continue"]],
      streams: 3,
    });
    await request.send(Buffer.from("abc"));
    request.end();
    expect(await request.answer()).toMatchObject({ informational: [100], status: 417 });
  });

  holds("an empty body has a length of 0", async () => {
    expect((await get({ method: "POST", body: new Uint8Array() })).status).toBe(200);
    expect(seen().body.length).toBe(0);
    expect(valuesOf(seen().fields, "content-length")).toEqual(["0"]);
  });

  for (const length of [0, 262_144, 3_000_000]) {
    holds(`an answer of ${length} bytes passes, with its length`, async () => {
      const body = randomBytes(length);
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`;
      app.answer = () => Buffer.concat([Buffer.from(head), body]);
      const answer = await get();
      expect(hashOf(answer.body)).toBe(hashOf(body));
      expect(valuesOf(answer.fields, "content-length")).toEqual([String(length)]);
    });
  }

  holds("the body of an answer without a length passes", async () => {
    app.answer = () =>
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    const answer = await get();
    expect(answer.body.toString()).toBe("abcde");
    expect(valuesOf(answer.fields, "content-length")).toEqual([]);
  });

  holds("trailers of an answer pass", async () => {
    app.answer = () =>
      "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\nContent-Length: 1\r\n\r\n";
    const answer = await get({ fields: [["TE", "trailers"]] });
    expect(answer.body.toString()).toBe("abc");
    expect(valuesOf(answer.fields, "trailer")).toEqual(["X-Sum"]);
    // What frames a message is no trailer (RFC 9110 6.5.1).
    expect(answer.trailers).toEqual([["x-sum", "6"]]);
  });

  holds("a body that is announced too large is answered 413", async () => {
    using request = await open({ method: "POST", path: "/limited", streams: maxRequestBody + 1 });
    expect((await request.answer()).status).toBe(413);
  });

  holds("a body that turns out too large is answered 413", async () => {
    using request = await open({ method: "POST", path: "/limited", streams: true });
    void request.send(new Uint8Array(maxRequestBody + 1));
    expect((await request.answer()).status).toBe(413);
  });

  holds("an unknown host is answered 404", async () => {
    const answer = await get({ host: "unknown.test" });
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toContain("404 — Not Found");
  });

  holds("a target that hangs up is answered 502", async () => {
    app.answer = (_, connection) => {
      connection.close();
      return null;
    };
    const answer = await get({ method: "POST", body: Buffer.from("x") });
    expect(answer.status).toBe(502);
    expect(answer.body.toString()).toContain("502 — Bad Gateway");
  });

  holds("an answer that makes no sense is answered 502", async () => {
    app.answer = () => "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n";
    expect((await get()).status).toBe(502);
  });

  holds("a target that is silent is answered 504", async () => {
    script = () => {};
    expect((await get({ path: "/raw" })).status).toBe(504);
  });

  holds("an answer that breaks off never looks complete", async () => {
    app.answer = (_, connection) => {
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf").close();
      return null;
    };
    const outcome = await get().then(
      ({ status }) => (status < 500 ? "complete" : "failed"),
      () => "failed",
    );
    // Where nothing of it has left, the answer can still be another one.
    expect(outcome).toBe("failed");
  });

  holds("an answer ahead of the end of the body passes", async () => {
    script = (connection) => {
      connection.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nno !");
    };
    using request = await open({ method: "POST", path: "/raw", streams: true });
    await request.send(Buffer.from("a part"));
    const answer = await request.answer();
    expect([answer.status, answer.body.toString()]).toEqual([401, "no !"]);
  });

  holds("a client that leaves ends the request at the target", async () => {
    let target: RawConnection | null = null;
    script = (connection) => void (target = connection);
    using request = await open({ path: "/raw" });
    await waitFor(() => target, "the request at the target");
    request.leave();
    await waitFor(() => target!.peerEnded, "its end there");
  });

  holds("a client that leaves in the middle of a body has sent no whole request", async () => {
    let target: RawConnection | null = null;
    script = (connection) => void (target = connection);
    using request = await open({ method: "POST", path: "/raw", streams: true });
    await request.send(Buffer.from("a part"));
    await waitFor(() => target?.unread.includes("a part"), "the part at the target");
    request.leave();
    await waitFor(() => target!.peerEnded, "its end there");
    expect(target!.unread).not.toContain("0\r\n\r\n");
  });

  holds("a request is answered by the target that has it, while another is deployed", async () => {
    const release = Promise.withResolvers<void>();
    app.answer = async ({ startLine }) => {
      if (startLine.includes("/waits")) await release.promise;
      return withLength("old");
    };
    const before = app.requests.length;
    const answer = get({ path: "/waits" });
    await waitFor(() => app.requests.length > before, "the request at the old target");
    using next = startScriptedApp(() => withLength("new"));
    const deployed = deploy(next.address);
    await waitFor(
      async () => (await get()).body.toString() === "new",
      "an answer of the new target",
    );
    release.resolve();
    expect((await answer).body.toString()).toBe("old");
    await deployed;
    await deploy(app.address);
  });

  holds("a pause holds requests, and none is lost", async () => {
    expect((await proxy.runHere("pause", "web")).code).toBe(0);
    const before = app.requests.length;
    const answers = [get(), get({ method: "POST", body: large })];
    // A request to another service has gone all the way meanwhile.
    script = (connection) => connection.send(ok);
    expect((await get({ path: "/raw" })).status).toBe(200);
    expect(app.requests.length).toBe(before);
    expect((await proxy.runHere("resume", "web")).code).toBe(0);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    expect(hashOf(app.requests.findLast(({ body }) => body.length > 0)!.body)).toBe(hashOf(large));
  });

  holds("a stopped service is answered 503, with its message", async () => {
    expect((await proxy.runHere("stop", "web", "--message=Back at noon")).code).toBe(0);
    const answer = await get();
    expect((await proxy.runHere("resume", "web")).code).toBe(0);
    expect(answer.status).toBe(503);
    expect(answer.body.toString()).toContain("<p>Back at noon</p>");
    expect(valuesOf(answer.fields, "content-type")).toEqual(["text/html; charset=utf-8"]);
  });

  holds("a switch of protocols passes", async () => {
    app.answer = (_request, connection) => {
      connection.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      );
      connection.end();
      return null;
    };
    const { spec, status } = carrier.switching;
    expect((await get(spec)).status).toBe(status);
    expect(app.requests.at(-1)!.startLine).toStartWith("GET / ");
  });

  holds("each request has its line in the log", async () => {
    const path = `/logged-${carrier.name.replaceAll(/\W/g, "")}`;
    await get({ method: "POST", path: `${path}?q=1`, body: Buffer.from("four") });
    const line = await proxy.waitForLog((entry) => entry["path"] === path);
    expect(line).toMatchObject({
      proto: carrier.protocol,
      scheme: carrier.scheme,
      method: "POST",
      query: "q=1",
      status: 200,
      service: "web",
      req_content_length: 4,
      resp_content_length: 2,
    });
    expect(loopback).toContain(String(line["client_addr"]));
  });
});

test("every exception is one of a test", () => {
  const named = Object.entries(exceptions).flatMap(([carrier, tests]) =>
    Object.keys(tests).map((name) => `${carrier}: ${name}`),
  );
  expect(named.filter((name) => !ran.has(name))).toEqual([]);
});
