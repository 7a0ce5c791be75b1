import { describe, expect, test } from "bun:test";
import { parseTarget } from "../../../../src/config/target-address.ts";
import {
  type HealthEndpoint,
  healthEndpoint,
} from "../../../../src/control-plane/health/health-endpoint.ts";
import {
  type ProbeResult,
  probeThrough,
} from "../../../../src/control-plane/health/health-probe.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { systemConnector } from "../../../support/system-connector.ts";
import { freePorts } from "../../../support/free-ports.ts";
import { startAnsweringServer, startRawServer } from "../../../support/raw-server.ts";
import { targetOptions } from "../../../support/service-options.ts";
import { waitFor, within } from "../../../support/wait-for.ts";

const probeTarget = probeThrough(systemConnector, systemClock);
const fixtures = `${import.meta.dir}/../../../fixtures/tls`;

function endpoint(address: string, path = "/up", host = ""): HealthEndpoint {
  return healthEndpoint(parseTarget(address)!, { ...targetOptions().healthCheck, path, host });
}

function probe(at: HealthEndpoint, signal = new AbortController().signal): Promise<ProbeResult> {
  return within(probeTarget(at, signal), "a probe");
}

function failed(reason: string): ProbeResult {
  return { healthy: false, error: reason, reason };
}

describe("health probe", () => {
  test("it asks for the path as kamal-proxy with the target's Host", async () => {
    let request = "";
    using server = startRawServer(async (connection) => {
      request = await connection.receive("\r\n\r\n");
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    expect(await probe(endpoint(server.address, "up?x=1", "app.example.com"))).toEqual({
      healthy: true,
    });
    expect(request).toBe(
      "GET /up%3Fx=1 HTTP/1.1\r\nHost: app.example.com\r\n" +
        "User-Agent: kamal-proxy\r\nConnection: close\r\n\r\n",
    );
  });

  test.each([200, 204, 299])("%d is healthy", async (status) => {
    using server = startAnsweringServer(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`);
    expect(await probe(endpoint(server.address))).toEqual({ healthy: true });
  });

  test.each([300, 304, 401, 404, 500])("%d is not", async (status) => {
    using server = startAnsweringServer(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`);
    expect(await probe(endpoint(server.address))).toEqual({
      healthy: false,
      error: `unexpected status (${status})`,
      reason: `answered ${status} on /up`,
    });
  });

  test("it says why there was no answer", async () => {
    const [port] = freePorts(1);
    expect(await probe(endpoint(`127.0.0.1:${port}`))).toEqual(failed("connection refused"));
    expect(await probe(endpoint("255.255.255.255:80"))).toEqual(failed("network unreachable"));
    expect(await probe(endpoint("no-such-host.invalid:80"))).toEqual(
      failed("name does not resolve"),
    );
    using silent = startRawServer((connection) => connection.end());
    expect(await probe(endpoint(silent.address))).toEqual(
      failed("connection closed without an answer"),
    );
    using nonsense = startAnsweringServer("220 mail.example.com ESMTP\r\n");
    expect(await probe(endpoint(nonsense.address))).toEqual(
      failed("malformed answer: malformed status line in line 1"),
    );
  });

  test.each([
    ["LF alone", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "bare LF in line 1"],
    [
      "a folded field",
      "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
      "field line without colon in line 3",
    ],
    ["a blank in a name", "HTTP/1.1 200 OK\r\nA B: c\r\n\r\n", "invalid field name in line 2"],
    [
      "two lengths",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "invalid Content-Length in line 2",
    ],
    [
      "padded chunk sizes",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2  \r\nok\r\n0\r\n\r\n",
      "malformed chunk size",
    ],
    ["a NUL", "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", "control character in line 2"],
    ["a strange status line", "HTTP/1.1 200OK\r\n\r\n", "malformed status line in line 1"],
  ])("an answer with %s fails, as it would be in forwarding", async (_, response, reason) => {
    using server = startAnsweringServer(response);
    expect(await probe(endpoint(server.address))).toEqual(failed(`malformed answer: ${reason}`));
  });

  test("an answer with a length beside its chunks is good enough", async () => {
    using server = startAnsweringServer(
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    expect(await probe(endpoint(server.address))).toEqual({ healthy: true });
  });

  test("it follows redirects, but not for ever", async () => {
    let hops = 0;
    using app = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/done") return new Response("ok");
        hops++;
        return Response.redirect(pathname === "/loop" ? "/loop" : "/done", 302);
      },
    });
    const address = `127.0.0.1:${app.port}`;
    expect(await probe(endpoint(address))).toEqual({ healthy: true });
    hops = 0;
    expect(await probe(endpoint(address, "/loop"))).toEqual(
      failed(`302 to http://${address}/loop: stopped after 10 redirects`),
    );
    expect(hops).toBe(11);
  });

  test("a redirect to a certificate that is not trusted is a failure", async () => {
    let asked = 0;
    using secure = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls: {
        cert: Bun.file(`${fixtures}/self-signed.crt`),
        key: Bun.file(`${fixtures}/self-signed.key`),
      },
      fetch() {
        asked++;
        return new Response("ok");
      },
    });
    using app = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => Response.redirect(`https://localhost:${secure.port}/`, 302),
    });
    const result = await probe(endpoint(`127.0.0.1:${app.port}`));
    expect(result).toMatchObject({
      healthy: false,
      reason: expect.stringMatching(
        /^302 to https:\/\/localhost:\d+\/: TLS handshake failed: .*self.signed/i,
      ),
    });
    expect(asked).toBe(0);
  });

  test("a redirect to a port that does not speak TLS is a failure", async () => {
    using plain = startRawServer((connection) => {
      connection.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    using app = startAnsweringServer(
      `HTTP/1.1 301 X\r\nLocation: https://${plain.address}/\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(await probe(endpoint(app.address))).toMatchObject({
      reason: expect.stringContaining("TLS handshake failed"),
    });
  });

  test("what goes wrong behind a redirect names it", async () => {
    const [port] = freePorts(1);
    const redirectTo = (location: string): string =>
      `HTTP/1.1 301 X\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;
    using refused = startAnsweringServer(redirectTo(`https://localhost:${port}/up`));
    expect(await probe(endpoint(refused.address))).toEqual(
      failed(`301 to https://localhost:${port}/up: connection refused`),
    );

    using missing = startRawServer(async (connection) => {
      const request = await connection.receive("\r\n\r\n");
      const isFirst = request.startsWith("GET /up ");
      connection.send(
        isFirst ? redirectTo("/sign in") : "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n",
      );
    });
    const redirect = `301 to http://${missing.address}/sign%20in`;
    expect(await probe(endpoint(missing.address))).toEqual({
      healthy: false,
      error: `${redirect}: unexpected status (404)`,
      reason: `${redirect}: answered 404 on /sign%20in`,
    });

    using silent = startRawServer(() => {});
    using slow = startAnsweringServer(redirectTo(`http://${silent.address}/`));
    const controller = new AbortController();
    const result = probeTarget(endpoint(slow.address), controller.signal);
    await waitFor(() => silent.connections[0]?.receivedBytes, "the request behind the redirect");
    controller.abort(new Error("request timed out"));
    expect(await within(result, "the probe")).toEqual(
      failed(`301 to http://${silent.address}/: request timed out`),
    );
  });

  test("an abort ends a check that hangs and its connection", async () => {
    using server = startRawServer(() => {});
    const controller = new AbortController();
    const result = probeTarget(endpoint(server.address), controller.signal);
    await waitFor(() => server.connections[0]?.receivedBytes, "the request");
    controller.abort(new Error("too late"));
    await expect(within(result, "the probe")).rejects.toThrow("too late");
    await waitFor(() => server.connections[0]!.peerEnded, "the connection to end");
  });

  test("a status counts although its body never ends", async () => {
    using server = startAnsweringServer("HTTP/1.1 200 OK\r\n\r\nendless");
    let patienceMs = 0;
    // Only a status that has arrived can count, so each attempt is more patient than the last.
    await waitFor(async () => {
      patienceMs += 20;
      const signal = AbortSignal.timeout(patienceMs);
      return (await probe(endpoint(server.address), signal)).healthy;
    }, "a healthy result");
  });
});
