/** The access log: one line a request, in kamal-proxy's words. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { answerForLog, comparable, deployForLog, sendForLog } from "../support/logged-requests.ts";
import { proxyPool } from "../support/proxy-pool.ts";
import { type ProxyProcess, type LogLine } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { startScriptedApp } from "../support/scripted-app.ts";

/** kamal-proxy's lines for the same requests. */
const expected = readFileSync(join(import.meta.dir, "..", "fixtures", "access-log.jsonl"), "utf8")
  .trim()
  .split("\n");

const proxies = proxyPool();

const requestLines = (proxy: ProxyProcess): LogLine[] =>
  proxy.logs.filter((line) => line["msg"] === "Request");

test("every kind of request has the line that kamal-proxy writes, keys in order", async () => {
  using app = startScriptedApp(answerForLog);
  await using proxy = await proxies.borrow();
  await deployForLog(proxy, app);
  const lines = await sendForLog(proxy, app);
  const actual = lines.map((line) => comparable(line, proxy, app));
  expect(actual).toEqual(expected.map((line) => JSON.parse(line) as LogLine));
  expect(actual.map((line) => JSON.stringify(line))).toEqual(expected);
});

test("a request has exactly one line, also when many come at once", async () => {
  using app = startScriptedApp();
  await using proxy = await proxies.borrow();
  await proxy.deploy("web", app.address);
  const paths = Array.from({ length: 200 }, (_, i) => `/${i}`);
  await Promise.all(paths.map((path) => fetch(proxy.url + path).then((r) => r.text())));
  await proxy.stop();
  expect(
    requestLines(proxy)
      .map((line) => String(line["path"]))
      .toSorted(),
  ).toEqual(paths.toSorted());
});

test("time and duration say when the request ended and how long it took", async () => {
  using app = startScriptedApp();
  await using proxy = await proxies.borrow();
  await proxy.deploy("web", app.address);
  const before = Date.now();
  await (await fetch(proxy.url)).text();
  const line = await proxy.waitForLog("Request");
  expect(line["time"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(Z|[+-]\d\d:\d\d)$/);
  const ended = Date.parse(String(line["time"]));
  expect(ended).toBeGreaterThanOrEqual(before - 1);
  expect(ended).toBeLessThanOrEqual(Date.now() + 1);
  const duration = line["duration"] as number;
  expect(Number.isInteger(duration)).toBe(true);
  expect(duration).toBeGreaterThan(0);
  expect(duration).toBeLessThan((Date.now() - before + 1) * 1e6);
});

test("a line stays one JSON object, whatever the client sends", async () => {
  using app = startScriptedApp();
  await using proxy = await proxies.borrow();
  await proxy.deploy("web", app.address, "--log-request-header=X-Odd");
  using client = await connectRaw(proxy.httpPort);
  const odd = '"}\\\\\t{"msg":"forged"} \xff\xfe\x80 </script>';
  client.send(
    `GET /%0a%22%00%ff?"\\ HTTP/1.1\r\nHost: a\r\nX-Odd: ${odd}\r\nUser-Agent: ${odd}\r\n\r\n`,
  );
  expect((await readResponse(client)).status).toBe(200);
  const line = await proxy.waitForLog("Request");
  expect(line["path"]).toBe('/\n"\0\ufffd');
  expect(line["query"]).toBe('"\\');
  expect(line["req_x_odd"]).toBe('"}\\\\\t{"msg":"forged"} \ufffd\ufffd\ufffd </script>');
  await proxy.stop();
  expect(requestLines(proxy)).toHaveLength(1);
  expect(proxy.output).toBe("");
});

test("fields that the proxy adds to a request are logged when they are named", async () => {
  using app = startScriptedApp();
  await using proxy = await proxies.borrow();
  const names = "X-Request-ID,X-Request-Start,X-Kamal-Target,X-Absent";
  await proxy.deploy("web", app.address, `--log-request-header=${names}`);
  await (await fetch(proxy.url)).text();
  const line = await proxy.waitForLog("Request");
  const fields = new Map(app.requests[0]!.fields);
  const told = (name: string): string => fields.get(name) ?? "not told";
  expect(line["request_id"]).toBe(told("x-request-id"));
  expect(line["req_x_request_id"]).toBe(told("x-request-id"));
  expect(line["req_x_request_start"]).toBe(told("x-request-start"));
  expect(line["req_x_kamal_target"]).toBe(app.address);
  expect(line["req_x_absent"]).toBe("");
});

test("an upload that is refused has the named fields, though no target", async () => {
  using app = startScriptedApp();
  await using proxy = await proxies.borrow();
  const limit = ["--buffer-requests", "--max-request-body=5"];
  const named = ["--log-request-header=X-Of-Client", "--log-response-header=Content-Type"];
  await proxy.deploy("web", app.address, ...limit, ...named);
  const headers = { "X-Of-Client": "a" };
  await (await fetch(proxy.url, { method: "POST", body: "123456", headers })).text();
  expect(await proxy.waitForLog("Request")).toMatchObject({
    status: 413,
    target: "",
    req_x_of_client: "a",
    resp_content_type: "text/html; charset=utf-8",
  });
});

test("an upload that nobody can take has no named fields", async () => {
  const nobody = "127.0.0.1:1";
  await using proxy = await proxies.borrow();
  await proxy.deploy("web", nobody, "--force", "--buffer-requests", "--log-request-header=X-A");
  await (await fetch(proxy.url, { method: "POST", body: "1", headers: { "X-A": "a" } })).text();
  const line = await proxy.waitForLog("Request");
  expect(line["status"]).toBe(503);
  expect(line).not.toHaveProperty("req_x_a");
});

test("sizes count bodies without their framing", async () => {
  using app = startScriptedApp(
    () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
  );
  await using proxy = await proxies.borrow();
  await proxy.deploy("web", app.address);
  await (await fetch(proxy.url, { method: "POST", body: "12345" })).text();
  expect(await proxy.waitForLog("Request")).toMatchObject({
    req_content_length: 5,
    resp_content_length: 7,
  });
});
