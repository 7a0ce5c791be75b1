/** Policies that change what is asked for and what is told with the answer: the same over every protocol. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type ProxyProcess, severalWorkers } from "../support/proxy-process.ts";
import { ok, type ScriptedApp, startScriptedApp } from "../support/scripted-app.ts";
import { type Answer, ask, type Carrier, type RequestSpec, valuesOf } from "./carrier.ts";
import { carriers, portOf, startSite } from "./site.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

const flags = [
  "--remove-request-header=X-Secret",
  "--set-request-header=X-Real: $client_ip $scheme $host",
  "--set-request-header=X-Twice: first",
  "--set-request-header=X-Twice: second, and a comma",
  "--set-request-header=X-Forwarded-Host: $$host é",
  "--add-request-header=Cookie: b=2",
  "--remove-response-header=Server",
  "--set-response-header=X-Frame-Options: DENY",
  "--set-response-header=X-Request: $request_id $path",
  "--add-response-header=Link: </a>; rel=preload, </b>; rel=preload",
  "--redirect=/old /new 302",
  "--redirect=/blog/* /posts/* 308",
  "--redirect=~^/p/(\\d+)(/.*)?$ /posts/$1$2",
  "--redirect=/away/* https://elsewhere.test/*?via=us",
  "--rewrite=/v1/* /v2/*",
  "--rewrite=~^/u/([^/]+)$ /users?name=$1",
  "--rewrite=~^/s/(.*)/(.*)$ /search/$2/$1",
  "--www=strip",
  "--hsts=1y;includeSubDomains",
];

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await startSite(app.address, {
    env: severalWorkers,
    names: ["localhost", "www.localhost"],
    flags,
  });
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});
beforeEach(() => {
  app.answer = () => ok;
});

const seen = () => app.requests.at(-1)!;

describe.each(carriers)("over $name", (carrier: Carrier) => {
  const get = (spec: RequestSpec): Promise<Answer> => ask(carrier, portOf(proxy, carrier), spec);
  const locationOf = async (path: string, spec: RequestSpec = {}) => {
    const answer = await get({ ...spec, path });
    return [answer.status, ...valuesOf(answer.fields, "location")];
  };

  test("fields of requests are removed, set and added", async () => {
    await get({
      path: "/fields",
      fields: [
        ["X-Secret", "1"],
        ["X_Secret", "1"],
        ["X-Real", "made up"],
        ["X-Twice", "made up"],
        ["Cookie", "a=1"],
      ],
    });
    const { fields } = seen();
    expect(valuesOf(fields, "x-secret")).toEqual([]);
    expect(valuesOf(fields, "x_secret")).toEqual([]);
    expect(valuesOf(fields, "x-real")).toHaveLength(1);
    expect(valuesOf(fields, "x-real")[0]).toMatch(
      new RegExp(`^(127\\.0\\.0\\.1|::1) ${carrier.scheme} localhost`),
    );
    expect(valuesOf(fields, "x-twice")).toEqual(["second, and a comma"]);
    expect(valuesOf(fields, "x-forwarded-host")).toEqual(["$host \u00c3\u00a9"]);
    expect(valuesOf(fields, "cookie")).toEqual(["a=1", "b=2"]);
  });

  test("fields of responses are removed, set and added", async () => {
    app.answer = () =>
      "HTTP/1.1 200 OK\r\nServer: app\r\nX-Frame-Options: a\r\nx-frame-options: b\r\nContent-Length: 0\r\n\r\n";
    const { fields } = await get({ path: "/a%0d%0ab?q", fields: [["X-Request-Id", "id-7"]] });
    expect(valuesOf(fields, "server")).toEqual([]);
    expect(valuesOf(fields, "x-frame-options")).toEqual(["DENY"]);
    expect(valuesOf(fields, "x-request")).toEqual(["id-7 /a%0d%0ab"]);
    expect(valuesOf(fields, "link")).toEqual(["</a>; rel=preload, </b>; rel=preload"]);
  });

  test.each([
    ["/old?a=1", [302, "/new?a=1"]],
    ["/%6fld", [302, "/new"]],
    ["/old/", [200]],
    ["/blog/a%20b/%2Fc?q", [308, "/posts/a%20b/%2Fc?q"]],
    ["/bl%6Fg/x", [308, "/posts/x"]],
    ["/p/12", [301, "/posts/12"]],
    ["/p/12/a%0d%0aSet-Cookie:x", [301, "/posts/12/a%0d%0aSet-Cookie:x"]],
    ["/p/12/a%2Fb%2fc%3Fd", [301, "/posts/12/a%2Fb%2fc%3Fd"]],
    ["/p/x", [200]],
    ["/away/a?b", [301, "https://elsewhere.test/a?via=us"]],
    ["/away//evil.test", [301, "https://elsewhere.test/evil.test?via=us"]],
  ])("a redirect of %s is %j", async (path, expected) => {
    expect(await locationOf(path)).toEqual(expected);
  });

  test("a redirect is in the log with the policy that made it", async () => {
    const path = `/blog/${carrier.name.replaceAll(/\W/g, "")}`;
    const before = app.requests.length;
    await get({ path });
    const line = await proxy.waitForLog((each) => each["path"] === path);
    expect(line).toMatchObject({ policy: "redirect", status: 308, target: "" });
    expect(app.requests.length).toBe(before);
  });

  test.each([
    ["/v1/a%2Fb?q=1", "/v2/a%2Fb?q=1"],
    ["/%761/x", "/v2/x"],
    ["/u/j%C3%B6rg%20%26", "/users?name=j%C3%B6rg%20%26"],
    ["/s/a%2Fb%25/c", "/search/c/a%2Fb%25"],
    ["/v10", "/v10"],
  ])("the app gets %s as %s", async (path, expected) => {
    await get({ path });
    expect(seen().startLine).toBe(`GET ${expected} HTTP/1.1`);
  });

  test("www. is stripped, and no host is taken that the service does not have", async () => {
    const scheme = carrier.scheme;
    expect(await locationOf("/a?b", { host: "www.localhost" })).toEqual([
      301,
      `${scheme}://localhost/a?b`,
    ]);
    expect(await locationOf("/a", { host: "www.evil.test" })).toEqual([404]);
  });

  test("HTTPS alone is announced as the only way", async () => {
    const { fields } = await get({ path: "/" });
    expect(valuesOf(fields, "strict-transport-security")).toEqual(
      carrier.scheme === "https" ? ["max-age=31536000; includeSubDomains"] : [],
    );
  });
});

test("what can't be meant is refused at the deploy, and nothing changes", async () => {
  const refused = {
    "--set-request-header=Content-Length: 1": "can't be changed",
    "--add-response-header=X-A: b\r\nX-C: d": "must not hold control characters",
    "--remove-request-header=Connection": "can't be changed",
    "--redirect=/loop /loop": "leads to itself",
    "--redirect=~(a*)*(?!b) /": "looks around",
    "--hsts=forever": "must begin with an age",
  };
  for (const [flag, reason] of Object.entries(refused)) {
    const result = await proxy.runHere(
      "deploy",
      "other",
      `--target=${app.address}`,
      "--host=b.test",
      flag,
    );
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining(reason)]);
  }
  const { stdout } = await proxy.runHere("list", "--json");
  const services = JSON.parse(stdout) as Record<string, { options: Record<string, unknown> }>;
  expect(Object.keys(services)).toEqual(["web"]);
  expect(services["web"]!.options).toMatchObject({
    www: "strip",
    hsts: "1y;includeSubDomains",
    remove_request_headers: ["X-Secret"],
    rewrites: ["/v1/* /v2/*", "~^/u/([^/]+)$ /users?name=$1", "~^/s/(.*)/(.*)$ /search/$2/$1"],
  });
});
