/** Why the proxy answered with an error: the code in the answer, and with its detail in the access log. */
import { describe, expect, test } from "bun:test";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { type RawResponse, readResponse, valuesOf } from "../support/raw-response.ts";
import { startScriptedApp } from "../support/scripted-app.ts";

async function send(proxy: ProxyProcess, request: string): Promise<RawResponse> {
  using client = await connectRaw(proxy.httpPort);
  client.send(request);
  return await readResponse(client);
}

async function answerAndLine(proxy: ProxyProcess, host: string, fields = "", body = "") {
  const path = `/${host}`;
  const answer = await send(
    proxy,
    `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`,
  );
  const line = await proxy.waitForLog((each) => each["msg"] === "Request" && each["path"] === path);
  return { status: answer.status, codes: valuesOf(answer, "x-kamal-proxy-error"), line };
}

const answers: Record<string, string> = {
  "/malformed": "nothing like HTTP\r\n\r\n",
  "/own": "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
};

describe("an error of the proxy's own", () => {
  test("has its code, and the log line code and detail", async () => {
    using app = startScriptedApp(({ startLine }, connection) => {
      const path = startLine.split(" ")[1]!;
      if (path === "/lost") connection.close();
      return answers[path] ?? null;
    });
    await using proxy = await ProxyProcess.start();
    for (const host of ["lost", "malformed", "own", "stopped", "paused"]) {
      await proxy.deploy(host, app.address, `--host=${host}`);
    }
    await proxy.deploy(
      "large",
      app.address,
      "--host=large",
      "--buffer-requests",
      "--max-request-body=1",
    );
    await proxy.deploy("denied", app.address, "--host=denied", "--deny-ip=127.0.0.1");
    await proxy.deploy("dead", "127.0.0.1:1", "--host=dead", "--force");
    await proxy.runHere("stop", "stopped");
    await proxy.runHere("pause", "paused", "--max-pause=10ms");

    expect(await answerAndLine(proxy, "nobody")).toMatchObject({
      status: 404,
      codes: ["no-service"],
      line: { status: 404, error: "no-service: no service has this host and path" },
    });
    expect(await answerAndLine(proxy, "stopped")).toMatchObject({
      status: 503,
      codes: ["service-stopped"],
      line: { error: "service-stopped: the service is stopped" },
    });
    expect(await answerAndLine(proxy, "paused")).toMatchObject({
      status: 504,
      codes: ["pause-expired"],
    });
    expect(await answerAndLine(proxy, "denied")).toMatchObject({
      status: 403,
      codes: ["address-refused"],
      line: { policy: "ip" },
    });
    expect(await answerAndLine(proxy, "large", "", "12")).toMatchObject({
      status: 413,
      codes: ["request-too-large"],
      line: { error: "request-too-large: request body too large" },
    });
    expect(await answerAndLine(proxy, "dead")).toMatchObject({
      status: 503,
      codes: ["no-healthy-target"],
    });
    const malformed = await answerAndLine(proxy, "malformed");
    expect(malformed).toMatchObject({ status: 502, codes: ["malformed-response"] });
    expect(malformed.line["error"]).toStartWith(`malformed-response: ${app.address}`);
    expect(await answerAndLine(proxy, "lost")).toMatchObject({
      status: 502,
      codes: ["connection-lost"],
    });
    // The app's own errors are its own.
    const own = await answerAndLine(proxy, "own");
    expect(own).toMatchObject({ status: 502, codes: [] });
    expect(own.line).not.toHaveProperty("error");
  });

  test("of a head that is no request has its code too", async () => {
    await using proxy = await ProxyProcess.start();
    const codeOf = async (request: string) =>
      valuesOf(await send(proxy, request), "x-kamal-proxy-error");
    expect(await codeOf("GET / HTTP/1.1\r\n\r\n")).toEqual(["malformed-request"]);
    expect(await codeOf("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")).toEqual(["method-refused"]);
    expect(await codeOf("GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n")).toEqual([
      "expectation-refused",
    ]);
  });

  test("has no code in the answer when that is switched off, and one in the log", async () => {
    await using proxy = await ProxyProcess.start({ env: { KAMAL_PROXY_ERROR_CODES: "false" } });
    const { codes, line } = await answerAndLine(proxy, "nobody");
    expect(codes).toEqual([]);
    expect(line["error"]).toStartWith("no-service: ");
    const refused = await send(proxy, "GET / HTTP/1.1\r\n\r\n");
    expect(valuesOf(refused, "x-kamal-proxy-error")).toEqual([]);
  });
});
