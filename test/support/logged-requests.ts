/** Requests of every kind that the access log tells apart; a fixture holds kamal-proxy's lines for them. */
import type { LogLine, ProxyProcess } from "./proxy-process.ts";
import { connectRaw } from "./raw-connection.ts";
import { readResponse } from "./raw-response.ts";
import { ok, type AppScript, type ScriptedApp } from "./scripted-app.ts";
import { waitFor } from "./wait-for.ts";

const customFields = [
  "--log-request-header=Cache-Control,user-agent",
  "--log-request-header=X-Many",
];

/** What the app answers, by path. */
export const answerForLog: AppScript = ({ startLine }, connection) => {
  const [, path = ""] = startLine.split(" ");
  if (path.startsWith("/silent")) return null;
  if (path.startsWith("/tunnel")) {
    connection.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    );
    connection.close();
    return null;
  }
  if (path.startsWith("/broken")) return "nonsense\r\n\r\n";
  if (path.startsWith("/plain")) return ok;
  return (
    "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Type: text/plain; charset=x\r\n" +
    'ETag: "1"\r\nETag: "2"\r\n\r\nok'
  );
};

export async function deployForLog(proxy: ProxyProcess, app: ScriptedApp): Promise<void> {
  const prefixed = ["--host=app.example.com", "--path-prefix=/pre"];
  await proxy.deploy(
    "web",
    app.address,
    ...prefixed,
    ...customFields,
    "--log-response-header=etag",
  );
  await proxy.deploy("plain", app.address, "--host=plain", "--forward-headers=false");
  await proxy.deploy("edge", app.address, "--host=edge", "--client-ip-header=X-Client");
  await proxy.deploy("canonical", app.address, "--host=c,d", "--canonical-host=c", ...customFields);
  await proxy.deploy("stopped", app.address, "--host=stopped", ...customFields);
  await proxy.runHere("stop", "stopped");
}

/** Sends them one after the other and gives back their log lines in that order. */
export async function sendForLog(proxy: ProxyProcess, app: ScriptedApp): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for (const request of requests) {
    const before = lines.length;
    const method = request.slice(0, request.indexOf(" "));
    const sent = app.requests.length;
    using client = await connectRaw(proxy.httpPort);
    client.send(request);
    if (request.includes("/silent")) {
      await waitFor(() => app.requests.length > sent, "the request at the app");
      client.reset();
    } else {
      const { status } = await readResponse(client, method);
      if (status === 101) client.end();
    }
    lines.push(
      await waitFor(
        () => proxy.logs.filter((line) => line["msg"] === "Request")[before],
        `the log line of ${request}`,
      ),
    );
  }
  return lines;
}

const requests = [
  "POST /pre/a%20b%22?x=1&y=%zz HTTP/1.1\r\nHost: app.example.com:99\r\nContent-Type: text/x\r\n" +
    'User-Agent: me "q" \xe9\r\nX-Request-ID: id1\r\nX-Many: a\r\nX-Many: b\r\n' +
    "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\nContent-Length: 3\r\n\r\nabc",
  "PUT /pre/chunked HTTP/1.1\r\nHost: app.example.com\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "GET /pre/old HTTP/1.0\r\nHost: app.example.com\r\n\r\n",
  "HEAD /pre/head HTTP/1.1\r\nHost: app.example.com\r\n\r\n",
  "GET /nobody?q HTTP/1.1\r\nHost: other\r\n\r\n",
  "GET /plain HTTP/1.1\r\nHost: plain\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n",
  "GET /plain HTTP/1.1\r\nHost: edge\r\nX-Client: 10.0.0.9\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
  "GET /plain HTTP/1.1\r\nHost: edge\r\n\r\n",
  "FOO /plain HTTP/1.1\r\nHost: plain\r\n\r\n",
  "GET /x HTTP/1.1\r\nHost: d\r\nX-Many: a\r\n\r\n",
  "GET /x HTTP/1.1\r\nHost: stopped\r\nX-Many: a\r\n\r\n",
  "GET /up HTTP/1.1\r\nHost: stopped\r\n\r\n",
  "POST /broken HTTP/1.1\r\nHost: plain\r\n\r\n",
  "GET /silent HTTP/1.1\r\nHost: plain\r\n\r\n",
  "GET /pre/silent HTTP/1.1\r\nHost: app.example.com\r\nX-Many: a\r\n\r\n",
  "GET /tunnel HTTP/1.1\r\nHost: plain\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
];

/** The line without what differs from run to run, the size of the proxy's own pages, and the reason of a failure. */
export function comparable(line: LogLine, proxy: ProxyProcess, app: ScriptedApp): LogLine {
  const ownPage = Number(line["status"]) >= 301 && Number(line["status"]) !== 499;
  return Object.fromEntries(
    Object.entries(line).flatMap(([key, value]) => {
      // kamal-proxy has no such field.
      if (key === "error") return [];
      if (key === "port" && value === proxy.httpPort) return [[key, "PORT"]];
      if (key === "target" && value === app.address) return [[key, "TARGET"]];
      if (key === "request_id" && /^[0-9a-f-]{36}$/.test(String(value))) return [[key, "UUID"]];
      if (key === "resp_content_length" && ownPage) return [[key, "PAGE"]];
      if (["time", "duration", "client_port"].includes(key)) return [[key, typeof value]];
      return [[key, value]];
    }),
  );
}
