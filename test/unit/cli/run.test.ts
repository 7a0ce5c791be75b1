import { acmeSettings } from "../../support/acme-settings.ts";
import { noTracing } from "../../support/tracing-settings.ts";
import { describe, expect, test } from "bun:test";
import type { RunOptions } from "../../../src/config/run-options.ts";
import { runLine } from "../../support/command-line.ts";

async function served(args: string[], environment = {}): Promise<RunOptions> {
  const { served: options, stderr } = await runLine(["run", ...args], { environment });
  if (options === undefined) throw new Error(`not served: ${stderr}`);
  return options;
}

describe("run", () => {
  test("starts the server with the defaults", async () => {
    expect(await served([])).toEqual({
      debug: false,
      bind: "",
      httpPort: 80,
      httpsPort: 443,
      metricsPort: 0,
      statusPort: 0,
      statusBind: "127.0.0.1",
      statusAuth: [],
      statusHosts: [],
      http3: false,
      socketPath: "/run/test.sock",
      dataPath: "/home/me/.config/kamal-proxy",
      settingsFolder: "/home/me/.apps-config",
      appSettings: false,
      publishesHealth: false,
      limits: {
        headerTimeoutMs: 60_000,
        idleTimeoutMs: 180_000,
        stallTimeoutMs: 300_000,
        maxHeaderBytes: 1_048_576,
      },
      bufferMemoryTotalBytes: 268_435_456,
      usableMemoryBytes: 2 ** 33,
      targetRetryMs: 0,
      trustedProxies: null,
      proxyProtocol: false,
      maxConnectionsPerIp: 0,
      minTlsVersion: "1.2",
      errorCodes: true,
      workers: 2,
      oneProcess: false,
      imageVersion: "",
      finishTimeoutMs: 3_600_000,
      tracing: noTracing(),
      acme: acmeSettings("", { preflight: { port: 80, resolvers: [] } }),
      certificateStore: null,
    });
  });

  test.each([
    [{ KAMAL_PROXY_TLS_MIN_VERSION: "1.1" }, "KAMAL_PROXY_TLS_MIN_VERSION"],
    [{ KAMAL_PROXY_ACME_DIRECTORY: "ca.example" }, "KAMAL_PROXY_ACME_DIRECTORY"],
  ])("refuses %p", async (environment, named) => {
    const { stderr } = await runLine(["run"], { environment });
    expect(stderr).toContain(named);
  });

  test("takes the settings of TLS and ACME from the environment", async () => {
    const options = await served([], {
      KAMAL_PROXY_TLS_MIN_VERSION: "1.3",
      KAMAL_PROXY_ACME_DIRECTORY: "https://ca.example/directory",
      KAMAL_PROXY_ACME_EMAIL: "ops@example.com",
    });
    expect(options.minTlsVersion).toBe("1.3");
    expect(options.acme).toMatchObject({
      directory: "https://ca.example/directory",
      email: "ops@example.com",
    });
  });

  test("ignores further arguments", async () => {
    expect((await served(["a", "b", "--debug"])).debug).toBe(true);
  });

  test.each<[Record<string, string>, string[], Partial<RunOptions>]>([
    [{ HTTP_PORT: "81" }, [], { httpPort: 81 }],
    [{ KAMAL_PROXY_HTTP_PORT: "82", HTTP_PORT: "81" }, [], { httpPort: 82 }],
    [{ KAMAL_PROXY_HTTP_PORT: "x", HTTP_PORT: "81" }, [], { httpPort: 80 }],
    [{ KAMAL_PROXY_HTTP_PORT: "", HTTP_PORT: "81" }, [], { httpPort: 80 }],
    [{ HTTP_PORT: "81" }, ["--http-port=83"], { httpPort: 83 }],
    [{ HTTP_PORT: "+83" }, [], { httpPort: 83 }],
    [{ HTTP_PORT: "00085" }, [], { httpPort: 85 }],
    [{ HTTPS_PORT: "0x10", METRICS_PORT: "1_0" }, [], { httpsPort: 443, metricsPort: 0 }],
    [{ KAMAL_PROXY_BIND: "127.0.0.1" }, [], { bind: "127.0.0.1" }],
    [{ KAMAL_PROXY_BIND: "127.0.0.1" }, ["--bind=::1"], { bind: "::1" }],
    [{ METRICS_PORT: "9000" }, [], { metricsPort: 9_000 }],
    [{}, ["--metrics-port", "0x10"], { metricsPort: 16 }],
    [{ DEBUG: "T" }, [], { debug: true }],
    [{ DEBUG: "yes" }, [], { debug: false }],
    [{ KAMAL_PROXY_DEBUG: "0", DEBUG: "1" }, [], { debug: false }],
    [{ DEBUG: "1" }, ["--debug=false"], { debug: false }],
    [{ HTTP3: "1" }, [], { http3: true }],
    [{ KAMAL_PROXY_HTTP3: "false", HTTP3: "1" }, [], { http3: false }],
    [
      { KAMAL_PROXY_TRUSTED_PROXIES: "10.0.0.0/8, ::1" },
      [],
      { trustedProxies: ["10.0.0.0/8", "::1"] },
    ],
    [{ KAMAL_PROXY_TRUSTED_PROXIES: "" }, [], { trustedProxies: null }],
    [{}, ["--trusted-proxies="], { trustedProxies: [] }],
    [
      { KAMAL_PROXY_TRUSTED_PROXIES: "junk" },
      ["--trusted-proxies=1.2.3.4", "--trusted-proxies=fd00::/8"],
      { trustedProxies: ["1.2.3.4", "fd00::/8"] },
    ],
    [
      { KAMAL_PROXY_PROXY_PROTOCOL: "true", KAMAL_PROXY_TRUSTED_PROXIES: "10.0.0.1" },
      [],
      { proxyProtocol: true },
    ],
    [{ KAMAL_PROXY_PROXY_PROTOCOL: "true" }, ["--proxy-protocol=false"], { proxyProtocol: false }],
    [{ KAMAL_PROXY_BUFFER_MEMORY_TOTAL: "0" }, [], { bufferMemoryTotalBytes: 0 }],
    [
      {
        KAMAL_PROXY_HEADER_TIMEOUT: "1.5s",
        KAMAL_PROXY_IDLE_TIMEOUT: "2m",
        KAMAL_PROXY_STALL_TIMEOUT: "250ms",
        KAMAL_PROXY_MAX_HEADER_BYTES: "8192",
      },
      [],
      {
        limits: {
          headerTimeoutMs: 1_500,
          idleTimeoutMs: 120_000,
          stallTimeoutMs: 250,
          maxHeaderBytes: 8_192,
        },
      },
    ],
  ])("with %j and %j", async (environment, args, expected) => {
    expect(await served(args, environment)).toMatchObject(expected);
  });

  test.each([
    [2 ** 40, 268_435_456],
    [2 ** 30, 134_217_728],
    [2 ** 27, 33_554_432],
  ])("with %d bytes of memory buffers bodies in %d of them", async (memory, expected) => {
    const { served: options } = await runLine(["run"], { usableMemoryBytes: memory });
    expect(options?.bufferMemoryTotalBytes).toBe(expected);
  });

  test.each([
    [{ canMakeFolders: false }, "/tmp/certs"],
    [{ canMakeFolders: false }, "/tmp/kamal-proxy.state"],
    [{ environment: { HOME: "/tmp/home" } }, "/tmp/home/.config/kamal-proxy"],
    [{ environment: { HOME: "/tmp/home" } }, "/tmp/home"],
    [{ environment: { HOME: "" } }, "/tmp/.config"],
    [{ environment: { HOME: "", TMPDIR: "/scratch/" } }, "/scratch/.config"],
    [{ environment: { HOME: "/tmp/a/b", TMPDIR: "/tmp/a" } }, "/tmp/a"],
  ])("takes no data from another user in a shared folder: %j, %s", async (around, path) => {
    const { stderr, served: options } = await runLine(["run"], { ...around, ofOthers: [path] });
    expect(stderr).toStartWith(`Error: ${path} belongs to another user`);
    expect(options).toBeUndefined();
  });

  test("takes no settings from the temporary folder, where anybody may put some", async () => {
    const folders = [{ HOME: "" }, { HOME: "/home/me" }].map(async (environment) => {
      return (await runLine(["run"], { environment })).served?.settingsFolder;
    });
    expect(await Promise.all(folders)).toEqual([undefined, "/home/me/.apps-config"]);
  });

  test("keeps its data in the temporary folder when there is no other", async () => {
    const { served: options } = await runLine(["run"], { canMakeFolders: false });
    expect(options?.dataPath).toBe("/tmp");
  });

  test.each<[Record<string, string>, string[], string]>([
    [{}, ["--http-port", "99999"], "listen tcp: address 99999: invalid port"],
    [{ HTTP_PORT: "-3" }, [], "listen tcp: address -3: invalid port"],
    [
      { KAMAL_PROXY_HEADER_TIMEOUT: "5" },
      [],
      'invalid value "5" for KAMAL_PROXY_HEADER_TIMEOUT: time: missing unit in duration "5"',
    ],
    [
      { KAMAL_PROXY_IDLE_TIMEOUT: "-5s" },
      [],
      'invalid value "-5s" for KAMAL_PROXY_IDLE_TIMEOUT: must be greater than 0s',
    ],
    [
      { KAMAL_PROXY_MAX_HEADER_BYTES: "0" },
      [],
      'invalid value "0" for KAMAL_PROXY_MAX_HEADER_BYTES: must be at least 1',
    ],
    [
      { KAMAL_PROXY_BUFFER_MEMORY_TOTAL: "1GB" },
      [],
      'invalid value "1GB" for KAMAL_PROXY_BUFFER_MEMORY_TOTAL: strconv.ParseInt: parsing "1GB": invalid syntax',
    ],
    [
      { KAMAL_PROXY_PROXY_PROTOCOL: "true" },
      [],
      "proxy-protocol needs trusted-proxies: the addresses that send the header",
    ],
    [
      { KAMAL_PROXY_PROXY_PROTOCOL: "yes" },
      [],
      'invalid value "yes" for KAMAL_PROXY_PROXY_PROTOCOL: strconv.ParseBool: parsing "yes": invalid syntax',
    ],
    [
      { KAMAL_PROXY_TRUSTED_PROXIES: "10.0.0.0/33" },
      [],
      'invalid value "10.0.0.0/33" for KAMAL_PROXY_TRUSTED_PROXIES: invalid CIDR block "10.0.0.0/33": the prefix length must be a number from 0 to 32',
    ],
    [{}, ["--bind=host"], 'bind: "host" is not an IP address'],
    [
      {},
      ["--trusted-proxies=host"],
      'trusted-proxies: invalid CIDR block "host": "host" is not an IP address',
    ],
  ])("refuses %j and %j", async (environment, args, text) => {
    const outcome = await runLine(["run", ...args], { environment });
    expect(outcome).toMatchObject({
      exitCode: 1,
      stdout: "",
      stderr: `Error: ${text}\n`,
      served: undefined,
    });
  });
});
