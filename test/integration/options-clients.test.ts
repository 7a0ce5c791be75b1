import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { createCertificate } from "../support/certificates.ts";
import {
  type LogLine,
  proxyCommand,
  ProxyProcess,
  severalWorkers,
} from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import {
  type RawMessage,
  type RawResponse,
  readResponse,
  valuesOf,
} from "../support/raw-response.ts";
import { startScriptedApp } from "../support/scripted-app.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { forwardingKeys } from "../../src/protocols/http/forwarding-keys.ts";
import { waitFor, within } from "../support/wait-for.ts";

setDefaultTimeout(30_000);

const request = (path: string, fields = "", host = "web.test"): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;

async function ask(
  proxy: ProxyProcess,
  bytes: string | Uint8Array,
  hostname = "127.0.0.1",
): Promise<RawResponse> {
  using client = await connectRaw(proxy.httpPort, { hostname });
  return await readResponse(client.send(bytes));
}

async function accessLine(proxy: ProxyProcess, path: string): Promise<LogLine> {
  return await proxy.waitForLog((line) => line["msg"] === "Request" && line["path"] === path);
}

const forwarded = (message: RawMessage | undefined) => ({
  for: valuesOf(message!, "x-forwarded-for"),
  host: valuesOf(message!, "x-forwarded-host"),
  proto: valuesOf(message!, "x-forwarded-proto"),
});

/** What `run` says when it does not start. */
async function failedStart(...args: string[]): Promise<{ code: number; stderr: string }> {
  using folder = tempFolder();
  const child = Bun.spawn([...proxyCommand(), "run", "--http-port=0", "--https-port=0", ...args], {
    env: { HOME: folder.path, KAMAL_PROXY_SOCKET: folder.file("proxy.sock") },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const [stderr, code] = await Promise.all([child.stderr.text(), child.exited]);
  return { code, stderr };
}

const came =
  "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Host: front.test\r\nX-Forwarded-Proto: https\r\n" +
  "X-Kamal-Target: before\r\n";

describe("--trusted-proxies", () => {
  test("fields of a trusted peer are believed, whatever the service says", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({
      args: ["--trusted-proxies=10.0.0.0/8,127.0.0.0/8"],
    });
    for (const flag of ["--forward-headers", "--forward-headers=false"]) {
      await proxy.deploy("web", app.address, flag);
      await ask(proxy, request("/trusted", came));
      expect(forwarded(app.requests.at(-1))).toEqual({
        for: ["1.1.1.1, 127.0.0.1"],
        host: ["front.test"],
        proto: ["https"],
      });
    }
    expect(await accessLine(proxy, "/trusted")).toMatchObject({
      client_addr: "127.0.0.1",
      remote_addr: "1.1.1.1",
    });
  });

  test("fields of anybody else are replaced, and do not reach the log", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({
      env: { KAMAL_PROXY_TRUSTED_PROXIES: "10.0.0.0/8, 2001:db8::/32" },
    });
    const named = "--client-ip-header=X-Real-IP";
    for (const flag of ["--forward-headers", "--forward-headers=false"]) {
      await proxy.deploy("web", app.address, named, flag);
      await ask(proxy, request("/untrusted", `${came}X-Real-IP: 5.5.5.5\r\n`));
      const seen = app.requests.at(-1);
      expect(forwarded(seen)).toEqual({ for: ["127.0.0.1"], host: ["web.test"], proto: ["http"] });
      expect(valuesOf(seen!, "x-kamal-target")).toEqual([app.address]);
    }
    expect(await accessLine(proxy, "/untrusted")).toMatchObject({
      client_addr: "127.0.0.1",
      remote_addr: "127.0.0.1",
    });
  });

  test("the client is the nearest address that is not trusted, without its port", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({ args: ["--trusted-proxies=127.0.0.1"] });
    await proxy.deploy("web", app.address);
    const chain = "6.6.6.6, 203.0.113.9:4711";
    await ask(proxy, request("/chain", `X-Forwarded-For: ${chain}\r\n`));
    expect(forwarded(app.requests[0]).for).toEqual([`${chain}, 127.0.0.1`]);
    expect((await accessLine(proxy, "/chain"))["remote_addr"]).toBe("203.0.113.9");
  });

  test("no field that tells of a client reaches an app from anybody else, however it is spelled", async () => {
    using app = startScriptedApp();
    const keys = [...forwardingKeys, "x-my-client"];
    expect(keys).toContain("forwarded-for");
    expect(keys).toContain("x-forwarded-user");
    const spelled = keys.flatMap((key) => [key, key.replaceAll("-", "_"), key.replace("-", "_")]);
    const lines = [...new Set(spelled)].map((name) => `${name}: forged\r\n`).join("");
    const seen = async (args: string[]): Promise<string[]> => {
      await using proxy = await ProxyProcess.start({ args });
      await proxy.deploy("web", app.address, "--client-ip-header=X-My-Client");
      await ask(proxy, request("/", `${lines}X-Mine: kept\r\n`));
      const { fields } = app.requests.at(-1)!;
      expect(fields).toContainEqual(["x-mine", "kept"]);
      return fields.filter(([, value]) => value === "forged").map(([name]) => name);
    };
    expect(await seen(["--trusted-proxies=203.0.113.1"])).toEqual([]);
    expect(await seen(["--trusted-proxies=127.0.0.1"])).toContain("x-real-ip");
  });

  test("a list that can't be read is named at the start", async () => {
    for (const list of ["nonsense", "10.0.0.0/33", "::1/200"]) {
      const { code, stderr } = await failedStart(`--trusted-proxies=127.0.0.1,${list}`);
      expect(code).toBe(1);
      expect(stderr).toStartWith(`Error: trusted-proxies: invalid CIDR block "${list}"`);
    }
  });
});

describe("--proxy-protocol", () => {
  const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
  const trusting = ["--proxy-protocol", "--trusted-proxies=127.0.0.1,::1"];

  /** Version 2 over TCP and IPv4, with an extension behind the addresses. */
  function binaryHeader(command: number, source: number[], port: number): Buffer {
    const ports = Buffer.from([port >> 8, port & 0xff, 0, 80]);
    const extension = Buffer.from([0xee, 0, 1, 7]);
    const extra = Buffer.concat([Buffer.from([...source, 10, 0, 0, 1]), ports, extension]);
    const fixed = Buffer.from([0x20 | command, 0x11, 0, extra.length]);
    return Buffer.concat([signature, fixed, extra]);
  }

  const headers: Record<string, { header: string | Buffer; address: string; port?: string }> = {
    "version 1": {
      header: "PROXY TCP4 203.0.113.7 10.0.0.1 4711 80\r\n",
      address: "203.0.113.7",
      port: "4711",
    },
    "version 1 with IPv6": {
      header: "PROXY TCP6 2001:DB8:0:0::7 ::1 4711 80\r\n",
      address: "2001:db8::7",
      port: "4711",
    },
    "version 1 without addresses": { header: "PROXY UNKNOWN\r\n", address: "127.0.0.1" },
    "version 2": {
      header: binaryHeader(1, [203, 0, 113, 8], 4712),
      address: "203.0.113.8",
      port: "4712",
    },
    "version 2 of the balancer itself": {
      header: binaryHeader(0, [203, 0, 113, 9], 4713),
      address: "127.0.0.1",
    },
  };

  test("the client of the header is the one of the log and of X-Forwarded-For", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({ args: trusting });
    await proxy.deploy("web", app.address);
    for (const [name, { header, address, port }] of Object.entries(headers)) {
      const path = `/${name.replaceAll(" ", "-")}`;
      using client = await connectRaw(proxy.httpPort);
      // Whole, and one byte after the other.
      const bytes = Buffer.concat([Buffer.from(header), Buffer.from(request(path, came))]);
      if (name === "version 1") client.send(bytes);
      else for (const byte of bytes) client.send(Uint8Array.of(byte));
      expect((await readResponse(client)).status).toBe(200);
      const line = await accessLine(proxy, path);
      expect({ name, address: line["client_addr"] }).toEqual({ name, address });
      if (port !== undefined) expect(line["client_port"]).toBe(port);
      // The balancer is trusted, not the clients that it speaks for, named or not.
      expect(forwarded(app.requests.at(-1)).for).toEqual([address]);
      // It counts for the whole connection.
      client.send(request(`${path}-again`));
      await readResponse(client);
      expect((await accessLine(proxy, `${path}-again`))["client_addr"]).toBe(address);
    }
  });

  test("a connection without a proper header is closed without an answer", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({ args: trusting });
    await proxy.deploy("web", app.address);
    const nonsense = [
      request("/"),
      "PROXY TCP4 999.0.0.1 10.0.0.1 1 2\r\n" + request("/"),
      `PROXY TCP4 ${"1".repeat(200)}`,
      Buffer.concat([signature, Buffer.from([0x31, 0x11, 0, 0])]),
    ];
    for (const bytes of nonsense) {
      using client = await connectRaw(proxy.httpPort);
      expect((await client.send(bytes).receiveAll()).length).toBe(0);
    }
    using twice = await connectRaw(proxy.httpPort);
    const header = headers["version 1"]!.header as string;
    expect((await readResponse(twice.send(header + header))).status).toBe(400);
    expect(app.requests.length).toBe(0);
    await proxy.stop();
    const told = proxy.logs.filter(({ msg }) => msg === "Invalid PROXY header: connection closed");
    expect(told).toEqual([
      expect.objectContaining({ level: "WARN", peer: "127.0.0.1", error: "no PROXY header" }),
    ]);
  });

  test("a load balancer without header is one line of the log, of all workers and both ports", async () => {
    await using proxy = await ProxyProcess.start({ args: trusting, env: severalWorkers });
    // So many that each worker has some.
    for (let i = 0; i < 20; i++) {
      for (const port of [proxy.httpPort, proxy.httpsPort]) {
        using client = await connectRaw(port);
        expect((await client.send(request("/")).receiveAll()).length).toBe(0);
      }
    }
    await proxy.stop();
    const told = proxy.logs.filter(({ msg }) => msg === "Invalid PROXY header: connection closed");
    expect(told).toEqual([expect.objectContaining({ peer: "127.0.0.1", connections: 1 })]);
  });

  test("an unfinished header is closed after the time for heads", async () => {
    await using proxy = await ProxyProcess.start({
      args: trusting,
      env: { KAMAL_PROXY_HEADER_TIMEOUT: "100ms" },
    });
    for (const start of ["", "PROXY TCP4 203.0.113.7"]) {
      using client = await connectRaw(proxy.httpPort);
      expect((await client.send(start).receiveAll()).length).toBe(0);
    }
  });

  test("peers that are not trusted speak plain HTTP", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({
      args: ["--trusted-proxies=203.0.113.0/24"],
      env: { KAMAL_PROXY_PROXY_PROTOCOL: "true" },
    });
    await proxy.deploy("web", app.address);
    expect((await ask(proxy, request("/"))).status).toBe(200);
    const header = headers["version 1"]!.header as string;
    expect((await ask(proxy, header + request("/"))).status).toBe(400);
    expect(app.requests.length).toBe(1);
  });

  /** A TLS connection whose first bytes are the header. */
  async function overTls(port: number, header: string, protocol: string): Promise<TLSSocket> {
    const plain = connectTcp(port, "127.0.0.1");
    await once(plain, "connect");
    plain.write(header);
    const secure = connectTls({
      socket: plain,
      servername: "web.test",
      ALPNProtocols: [protocol],
      rejectUnauthorized: false,
    });
    await within(once(secure, "secureConnect"), "the TLS handshake");
    return secure;
  }

  async function deployWithTls(proxy: ProxyProcess, target: string): Promise<void> {
    const { certificate, privateKey } = createCertificate(["web.test"]);
    writeFileSync(`${proxy.home}/cert.pem`, certificate);
    writeFileSync(`${proxy.home}/key.pem`, privateKey);
    await proxy.deploy(
      "web",
      target,
      "--tls",
      "--host=web.test",
      `--tls-certificate-path=${proxy.home}/cert.pem`,
      `--tls-private-key-path=${proxy.home}/key.pem`,
      "--forward-headers",
    );
  }

  const clientLine = "PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n";

  test("the header comes before TLS on the https port (HTTP/1.1)", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({ args: trusting });
    await deployWithTls(proxy, app.address);
    const client = await overTls(proxy.httpsPort, clientLine, "http/1.1");
    let received = "";
    client.on("data", (chunk: Buffer) => void (received += chunk.toString()));
    client.write(request("/secure"));
    await waitFor(() => received.endsWith("ok"), "the answer");
    client.destroy();
    expect(received).toStartWith("HTTP/1.1 200 ");
    expect(forwarded(app.requests[0])).toEqual({
      for: ["203.0.113.7"],
      host: ["web.test"],
      proto: ["https"],
    });
    expect(await accessLine(proxy, "/secure")).toMatchObject({
      client_addr: "203.0.113.7",
      client_port: "4711",
      scheme: "https",
    });
    using nonsense = await connectRaw(proxy.httpsPort);
    nonsense.send(Buffer.from("16030100f0010000ec0303", "hex"));
    expect((await nonsense.receiveAll()).length).toBe(0);
    expect(await proxy.stop()).toBe(0);
  });

  test("the header comes before TLS on the https port (HTTP/2)", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({ args: trusting });
    await deployWithTls(proxy, app.address);
    const secure = await overTls(proxy.httpsPort, clientLine, "h2");
    const session = connectHttp2("https://web.test", { createConnection: () => secure });
    const stream = session.request({ ":path": "/second" });
    let body = "";
    stream.on("data", (chunk: Buffer) => void (body += chunk.toString()));
    await within(once(stream, "end"), "the end of the answer");
    session.destroy();
    expect(body).toBe("ok");
    expect(await accessLine(proxy, "/second")).toMatchObject({
      client_addr: "203.0.113.7",
      client_port: "4711",
      proto: "HTTP/2.0",
    });
  });

  test("it needs to be told whom to trust", async () => {
    for (const args of [[], ["--trusted-proxies="]]) {
      expect(await failedStart("--proxy-protocol", ...args)).toEqual({
        code: 1,
        stderr: "Error: proxy-protocol needs trusted-proxies: the addresses that send the header\n",
      });
    }
  });

  test("a stop does not wait for connections without a request", async () => {
    await using proxy = await ProxyProcess.start({ args: trusting });
    using silent = await connectRaw(proxy.httpPort);
    using started = await connectRaw(proxy.httpPort);
    started.send("PROXY TCP4");
    using idle = await connectRaw(proxy.httpPort);
    await readResponse(idle.send(headers["version 2"]!.header).send(request("/")));
    expect(await proxy.stop()).toBe(0);
    for (const client of [silent, started, idle]) await client.receiveAll();
  });
});

describe("IPv6", () => {
  test("clients are served and named by their short address, IPv4 is not mapped", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({ args: ["--trusted-proxies=::1"] });
    await proxy.deploy("web", app.address);
    await ask(proxy, request("/six", came, "[::1]:8080"), "::1");
    expect(forwarded(app.requests.at(-1)).for).toEqual(["1.1.1.1, ::1"]);
    expect(valuesOf(app.requests.at(-1)!, "host")).toEqual(["[::1]:8080"]);
    expect(await accessLine(proxy, "/six")).toMatchObject({
      client_addr: "::1",
      host: "[::1]:8080",
      remote_addr: "1.1.1.1",
    });
    await ask(proxy, request("/four", came));
    expect(forwarded(app.requests.at(-1)).for).toEqual(["127.0.0.1"]);
    expect(await accessLine(proxy, "/four")).toMatchObject({ client_addr: "127.0.0.1" });
  });

  test("an address may be a host of a service, with or without a port", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start();
    await proxy.deploy("web", app.address, "--host=::1");
    expect((await ask(proxy, request("/", "", "[::1]"), "::1")).status).toBe(200);
    expect((await ask(proxy, request("/", "", `[::1]:${proxy.httpPort}`), "::1")).status).toBe(200);
    expect((await ask(proxy, request("/", "", "[::2]"), "::1")).status).toBe(404);
  });
});
