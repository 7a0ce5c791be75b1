/** Which service answers which request, and what is left of its path. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse, valuesOf, type RawResponse } from "../support/raw-response.ts";
import { startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";

/** Each service has its own app, which answers with its name and the target that it saw. */
const services: Record<string, string[]> = {
  any: [],
  exact: ["--host=a.example.com"],
  wildcard: ["--host=*.example.com"],
  prefixed: ["--host=p.example.com", "--path-prefix=/api", "--path-prefix=/api/v2/"],
  "prefixed-docs": ["--host=p.example.com", "--path-prefix=docs"],
  unstripped: ["--host=u.example.com", "--path-prefix=/api", "--strip-path-prefix=false"],
  "only-api": ["--host=only.example.com", "--path-prefix=/api"],
  "two-hosts": ["--host=Two.Example.ORG,three.example.org"],
  canonical: ["--host=www.example.net,example.net", "--canonical-host=www.example.net"],
  address: ["--host=::1", "--host=10.0.0.1"],
  literal: ["--host=[2001:DB8::1]", "--canonical-host=[2001:db8::1]"],
};

let proxy: ProxyProcess;
const apps: ScriptedApp[] = [];

beforeAll(async () => {
  proxy = await ProxyProcess.start();
  for (const [name, flags] of Object.entries(services)) {
    const app = startScriptedApp(({ startLine }) => {
      const body = `${name} ${startLine.split(" ")[1]}`;
      return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    });
    apps.push(app);
    await proxy.deploy(name, app.address, ...flags);
  }
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  for (const app of apps) app[Symbol.dispose]();
});

async function send(host: string, path = "/", method = "GET"): Promise<RawResponse> {
  using client = await connectRaw(proxy.httpPort);
  client.send(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return await readResponse(client, method);
}

async function answer(host: string, path?: string): Promise<string> {
  const response = await send(host, path);
  return response.status === 200 ? response.body.toString() : String(response.status);
}

describe("the host", () => {
  test.each([
    ["a.example.com", "exact /"],
    ["a.example.com:8080", "exact /"],
    ["A.EXAMPLE.com", "exact /"],
    ["a.example.com.", "exact /"],
    ["b.example.com", "wildcard /"],
    ["x.B.example.com", "any /"],
    ["example.com", "any /"],
    ["two.example.org", "two-hosts /"],
    ["THREE.example.org:1", "two-hosts /"],
    ["localhost", "any /"],
    ["10.0.0.1:80", "address /"],
    ["[::1]:80", "address /"],
    ["[::1]", "address /"],
    ["[2001:db8::1]", "literal /"],
    ["[2001:DB8::1]:80", "literal /"],
  ])("%s is answered by %s", async (host, expected) => {
    expect(await answer(host)).toBe(expected);
  });

  test("of an absolute target wins", async () => {
    expect(await answer("localhost", "http://a.example.com/x")).toBe("exact /x");
  });
});

describe("the path", () => {
  test.each([
    ["/api", "prefixed /"],
    ["/api/", "prefixed /"],
    ["/api/x", "prefixed /x"],
    ["/api/x?q=/api/v2", "prefixed /x?q=/api/v2"],
    ["/api?q", "prefixed /?q"],
    ["/api/v2", "prefixed /"],
    ["/api/v2/x", "prefixed /x"],
    ["/api/v2x", "prefixed /v2x"],
    ["/api/api/x", "prefixed /api/x"],
    ["/%61pi/x", "prefixed /x"],
    ["/api/a%2Fb%20c", "prefixed /a%2Fb%20c"],
    ["/docs/x", "prefixed-docs /x"],
    ["/apix", "404"],
    ["/API/x", "404"],
    ["/", "404"],
    ["/x/../api", "404"],
  ])("%s is answered by %s", async (path, expected) => {
    expect(await answer("p.example.com", path)).toBe(expected);
  });

  test("is left alone without stripping", async () => {
    expect(await answer("u.example.com", "/api/x")).toBe("unstripped /api/x");
    expect(await answer("u.example.com", "/api")).toBe("unstripped /api");
  });

  test("of a host that has only others falls back to no other host", async () => {
    expect(await answer("only.example.com", "/api/x")).toBe("only-api /x");
    expect(await answer("only.example.com", "/x")).toBe("404");
  });
});

describe("an unknown host", () => {
  test("gets the 404 page", async () => {
    await proxy.runHere("remove", "any");
    const response = await send("unknown.example.de");
    expect(response.status).toBe(404);
    expect(response.reason).toBe("Not Found");
    expect(valuesOf(response, "content-type")).toEqual(["text/html; charset=utf-8"]);
    const page = response.body.toString();
    expect(page.toLowerCase()).toStartWith("<!doctype html>");
    expect(page).toContain("<title>404 — Not Found</title>");
    const head = await send("unknown.example.de", "/", "HEAD");
    expect(valuesOf(head, "content-length")).toEqual(valuesOf(response, "content-length"));
  });
});

describe("the canonical host", () => {
  test("is where other hosts of the service are sent, path and query kept", async () => {
    const response = await send("example.net:8080", "/a%20b/../c?d=1&e;%zz");
    expect(response.status).toBe(301);
    expect(valuesOf(response, "location")).toEqual(["http://www.example.net/a%20b/../c?d=1&e;%zz"]);
    expect(valuesOf(response, "connection")).toEqual(["close"]);
  });

  test("itself is served, with any port and in any case", async () => {
    expect(await answer("www.example.net")).toBe("canonical /");
    expect(await answer("WWW.example.net:8080")).toBe("canonical /");
  });

  test("sends on before a pause or a stop counts", async () => {
    await proxy.runHere("stop", "canonical");
    expect(await answer("example.net")).toBe("301");
    expect(await answer("www.example.net")).toBe("503");
    await proxy.runHere("resume", "canonical");
  });

  test("redirects any method", async () => {
    expect((await send("example.net", "/", "DELETE")).status).toBe(301);
    expect((await send("example.net", "/", "HEAD")).status).toBe(301);
  });
});

describe("what is no valid request", () => {
  const bad: [what: string, head: string][] = [
    ["no Host", "GET / HTTP/1.1\r\n\r\n"],
    ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
    ["a bad Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
    ["a bad escape in the path", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a target without slash", "GET x HTTP/1.1\r\nHost: a\r\n\r\n"],
  ];
  test.each(bad)("with %s is a 400, closed and not logged", async (_what, head) => {
    const before = proxy.logs.length;
    using client = await connectRaw(proxy.httpPort);
    client.send(head);
    const text = (await client.receiveAll()).toString();
    expect(text).toStartWith("HTTP/1.1 400 Bad Request\r\n");
    expect(text.toLowerCase()).toContain("content-type: text/plain");
    // The log line of a later request comes after the one that must not be there.
    const marker = `/marker-${before}-${_what.replaceAll(" ", "-")}`;
    await send("a.example.com", marker);
    await proxy.waitForLog((line) => line["path"] === marker);
    expect(proxy.logs.slice(before).filter((line) => line["status"] === 400)).toEqual([]);
  });
});
