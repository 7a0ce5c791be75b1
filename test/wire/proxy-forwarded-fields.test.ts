/** What the target is told about the client and the way of the request. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ProxyProcess } from "../support/proxy-process.ts";
import { rawRequest } from "../support/raw-request.ts";
import { valuesOf, type RawMessage } from "../support/raw-response.ts";
import { startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await ProxyProcess.start();
  const deploy = (name: string, ...flags: string[]): Promise<void> =>
    proxy.deploy(name, app.address, `--host=${name}.example.com`, ...flags);
  await Promise.all([
    deploy("plain"),
    deploy("trusting", "--forward-headers"),
    deploy("guarded", "--forward-headers=false"),
    deploy("edge", "--forward-headers", "--client-ip-header=CF-Connecting-IP"),
    deploy("guarded-edge", "--forward-headers=false", "--client-ip-header=CF-Connecting-IP"),
    deploy("tls", "--tls", "--tls-redirect=false"),
  ]);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

async function forwarded(host: string, lines: string[] = []): Promise<RawMessage> {
  const head = ["GET / HTTP/1.1", `Host: ${host}`, "Connection: close", ...lines, "", ""];
  expect(await rawRequest(proxy.httpPort, head.join("\r\n"))).toStartWith("HTTP/1.1 200 ");
  return app.requests.pop()!;
}

const spoofed = [
  "X-Forwarded-For: 10.0.0.1",
  "X-Forwarded-Host: spoofed.example.com",
  "X-Forwarded-Proto: gopher",
  "X-Kamal-Target: earlier:80",
];

function forwardingOf(message: RawMessage): Record<string, string[]> {
  const names = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-kamal-target"];
  return Object.fromEntries(names.map((name) => [name, valuesOf(message, name)]));
}

/** What the proxy says when it believes nothing. */
function own(host: string): Record<string, string[]> {
  return {
    "x-forwarded-for": ["127.0.0.1"],
    "x-forwarded-host": [host],
    "x-forwarded-proto": ["http"],
    "x-kamal-target": [app.address],
  };
}

describe("X-Forwarded fields", () => {
  test("are set when the client sent none", async () => {
    for (const name of ["plain", "trusting", "guarded", "edge", "tls"]) {
      const host = `${name}.example.com`;
      expect(forwardingOf(await forwarded(`${host}:81`))).toEqual(own(`${host}:81`));
    }
  });

  test.each(["plain", "trusting"])("of the client are believed by service %s", async (name) => {
    expect(forwardingOf(await forwarded(`${name}.example.com`, spoofed))).toEqual({
      "x-forwarded-for": ["10.0.0.1, 127.0.0.1"],
      "x-forwarded-host": ["spoofed.example.com"],
      "x-forwarded-proto": ["gopher"],
      "x-kamal-target": [`earlier:80, ${app.address}`],
    });
  });

  test.each(["guarded", "tls"])("of the client are replaced by service %s", async (name) => {
    const host = `${name}.example.com`;
    expect(forwardingOf(await forwarded(host, spoofed))).toEqual(own(host));
  });

  test("in several lines are joined, and Host and Proto keep their first value", async () => {
    const request = await forwarded("plain.example.com", [
      "X-Forwarded-For: 10.0.0.1, 10.0.0.2",
      "X-Forwarded-For: 10.0.0.3",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Proto: http",
      "X-Forwarded-Host: one.example.com",
      "X-Forwarded-Host: two.example.com",
    ]);
    expect(forwardingOf(request)).toMatchObject({
      "x-forwarded-for": ["10.0.0.1, 10.0.0.2, 10.0.0.3, 127.0.0.1"],
      "x-forwarded-proto": ["https"],
      "x-forwarded-host": ["one.example.com"],
    });
  });

  test("X-Forwarded-Port passes and Forwarded never does", async () => {
    const lines = ["X-Forwarded-Port: 8443", "Forwarded: for=10.0.0.9"];
    for (const name of ["plain", "guarded"]) {
      const request = await forwarded(`${name}.example.com`, lines);
      expect(valuesOf(request, "x-forwarded-port")).toEqual(["8443"]);
      expect(valuesOf(request, "forwarded")).toEqual([]);
    }
  });
});

describe("client-ip-header", () => {
  const clientIp = "CF-Connecting-IP: 203.0.113.7";

  test("takes the place of X-Forwarded-For, and passes itself", async () => {
    const request = await forwarded("edge.example.com", [clientIp, "X-Forwarded-For: 10.0.0.1"]);
    expect(valuesOf(request, "x-forwarded-for")).toEqual(["203.0.113.7, 127.0.0.1"]);
    expect(valuesOf(request, "cf-connecting-ip")).toEqual(["203.0.113.7"]);
  });

  test("that is absent or empty leaves X-Forwarded-For alone", async () => {
    for (const lines of [[], ["CF-Connecting-IP:"]]) {
      const request = await forwarded("edge.example.com", ["X-Forwarded-For: 10.0.0.1", ...lines]);
      expect(valuesOf(request, "x-forwarded-for")).toEqual(["10.0.0.1, 127.0.0.1"]);
    }
  });

  test("changes nothing upstream when forwarding is off", async () => {
    const request = await forwarded("guarded-edge.example.com", [clientIp]);
    expect(valuesOf(request, "x-forwarded-for")).toEqual(["127.0.0.1"]);
  });
});

describe("X-Request-ID and X-Request-Start", () => {
  test("are made when missing or empty", async () => {
    const ids = new Set<string>();
    for (const lines of [[], ["X-Request-ID:", "X-Request-Start:"]]) {
      const before = Date.now();
      const request = await forwarded("guarded.example.com", lines);
      const [id = ""] = valuesOf(request, "x-request-id");
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      ids.add(id);
      expect(valuesOf(request, "x-request-start")).toHaveLength(1);
      const [, start] = /^t=(\d{13})$/.exec(valuesOf(request, "x-request-start")[0]!) ?? [];
      expect(Number(start)).toBeGreaterThanOrEqual(before);
      expect(Number(start)).toBeLessThanOrEqual(Date.now());
    }
    expect(ids.size).toBe(2);
  });

  test("of the client are kept, whatever the service believes", async () => {
    for (const name of ["plain", "guarded", "tls"]) {
      const request = await forwarded(`${name}.example.com`, [
        "X-Request-ID: my id",
        "X-Request-Start: t=12",
      ]);
      expect(valuesOf(request, "x-request-id")).toEqual(["my id"]);
      expect(valuesOf(request, "x-request-start")).toEqual(["t=12"]);
    }
  });

  test("nothing of this is in the response", async () => {
    const answer = await rawRequest(
      proxy.httpPort,
      "GET / HTTP/1.1\r\nHost: plain.example.com\r\nX-Request-ID: a\r\nConnection: close\r\n\r\n",
    );
    app.requests.pop();
    expect(answer.toLowerCase()).not.toMatch(/^(x-|via|server)/m);
  });
});
