import { describe, expect, test } from "bun:test";
import type { DeployCommand } from "../../../src/control-plane/socket/protocol.ts";
import { noServer, runLine, words } from "../../support/command-line.ts";
import type { Surroundings } from "../../support/command-line.ts";

async function deployed(line: string, around: Surroundings = {}): Promise<DeployCommand> {
  const { sent, stderr } = await runLine(words(line), { reply: { ok: true }, ...around });
  if (sent?.command !== "deploy") throw new Error(`not deployed: ${stderr}`);
  return sent;
}

async function forwards(flags: string): Promise<boolean> {
  const command = await deployed(`deploy web --target app --host a.test ${flags}`);
  return command.targetOptions.forwardHeaders;
}

describe("deploy", () => {
  test("sends the defaults of all options", async () => {
    expect(await deployed("deploy web --target app:3000")).toMatchObject({
      command: "deploy",
      service: "web",
      targets: ["app:3000"],
      readTargets: [],
      options: {
        hosts: [""],
        pathPrefixes: ["/"],
        stripPrefix: true,
        tlsEnabled: false,
        tlsRedirect: true,
        tlsCertificatePath: "",
        tlsPrivateKeyPath: "",
        tlsOnDemandUrl: "",
        canonicalHost: "",
        acmeDirectory: "",
        acmeCachePath: "/home/me/.config/kamal-proxy/certs",
        errorPagePath: "",
        writerAffinityTimeoutMs: 1_000,
        readTargetsAcceptWebsockets: false,
        excludeMetricsPaths: [],
        clientIpHeader: "",
      },
      targetOptions: {
        healthCheck: { path: "/up", port: 0, host: "", intervalMs: 1_000, timeoutMs: 5_000 },
        responseTimeoutMs: 30_000,
        bufferRequests: false,
        bufferResponses: false,
        maxMemoryBufferBytes: 1_048_576,
        maxRequestBodyBytes: 0,
        maxResponseBodyBytes: 0,
        logRequestHeaders: [],
        logResponseHeaders: [],
        forwardHeaders: true,
        scopeCookiePaths: false,
      },
      deployTimeoutMs: 30_000,
      drainTimeoutMs: 30_000,
      force: false,
    });
  });

  test("takes what Kamal sends", async () => {
    const command = await deployed(
      "deploy app-web --target=abc123:80 --host=App.test --host=www.app.test. --tls " +
        "--tls-certificate-path=/c.pem --tls-private-key-path=/k.pem --deploy-timeout=30s " +
        "--drain-timeout=10s --health-check-interval=3s --target-timeout=10s --buffer-requests " +
        "--buffer-responses --buffer-memory=1000 --max-request-body=2000 --path-prefix=/ " +
        "--path-prefix=api/ --strip-path-prefix=false --forward-headers --tls-redirect=false " +
        "--log-request-header=Cache-Control --log-request-header=last-modified " +
        "--log-request-header=User-Agent --error-pages=/pages",
    );
    expect(command.options).toMatchObject({
      hosts: ["app.test", "www.app.test"],
      pathPrefixes: ["/", "/api"],
      stripPrefix: false,
      tlsEnabled: true,
      tlsRedirect: false,
      tlsCertificatePath: "/c.pem",
      tlsPrivateKeyPath: "/k.pem",
      errorPagePath: "/pages",
    });
    expect(command.targetOptions).toMatchObject({
      healthCheck: { intervalMs: 3_000 },
      responseTimeoutMs: 10_000,
      bufferRequests: true,
      bufferResponses: true,
      maxMemoryBufferBytes: 1_000,
      maxRequestBodyBytes: 2_000,
      logRequestHeaders: ["Cache-Control", "Last-Modified", "User-Agent"],
      forwardHeaders: true,
    });
    expect(command.drainTimeoutMs).toBe(10_000);
  });

  test("forwards headers by default only without TLS", async () => {
    expect(await forwards("")).toBe(true);
    expect(await forwards("--tls")).toBe(false);
    expect(await forwards("--tls --forward-headers")).toBe(true);
    expect(await forwards("--forward-headers=false")).toBe(false);
  });

  test("chooses the staging directory of the authority", async () => {
    const { options } = await deployed("deploy web --target app --tls --host a.b --tls-staging");
    expect(options.acmeDirectory).toBe("https://acme-staging-v02.api.letsencrypt.org/directory");
  });

  test("keeps certificates in the temporary folder when there is no other", async () => {
    const around = { canMakeFolders: false, environment: { TMPDIR: "/scratch/" } };
    const { options } = await deployed("deploy web --target app", around);
    expect(options.acmeCachePath).toBe("/scratch/certs");
    const given = await deployed("deploy web --target app --tls-acme-cache-path /certs", around);
    expect(given.options.acmeCachePath).toBe("/certs");
  });

  test("takes a negative limit as none", async () => {
    const { targetOptions } = await deployed(
      "deploy web --target app --target-timeout=-1s --max-request-body=-5 --buffer-requests",
    );
    expect(targetOptions.responseTimeoutMs).toBe(0);
    expect(targetOptions.maxRequestBodyBytes).toBe(0);
  });
});

const invalid = "service options invalid: ";
const url = "deploy a --target x --tls --tls-on-demand-url";
const unparsable = `${invalid}unable to parse tls-on-demand-url: parse`;

/** Text behind `Error: `; `noServer` means that the command line was accepted. */
const refusals: [string, string][] = [
  ["deploy", "accepts 1 arg(s), received 0"],
  ["deploy a b --target x", "accepts 1 arg(s), received 2"],
  ["deploy a --target x --buffer-requests false", "accepts 1 arg(s), received 2"],
  ["deploy a", `required flag(s) "target" not set`],
  ["deploy -- --target", `required flag(s) "target" not set`],
  ["deploy a --target", "flag needs an argument: --target"],
  ["--target x deploy a", noServer],
  ["deploy a --target=", "at least one target must be given"],
  ["deploy '' --target x", "the name of the service must not be empty"],
  ["deploy a --target= --force", "at least one target must be given"],
  [
    "deploy a --target x --health-check-interval 0s",
    "health-check-interval must be greater than 0s",
  ],
  [
    "deploy a --target x --health-check-interval=-1s",
    "health-check-interval must be greater than 0s",
  ],
  [
    "deploy a --target x --health-check-port 65536",
    "health-check-port must be between 0 and 65535",
  ],
  [
    "deploy a --target x --max-request-body 1",
    "max-request-body can only be set when request buffering is enabled",
  ],
  [
    "deploy a --target x --max-response-body 1",
    "max-response-body can only be set when response buffering is enabled",
  ],
  [
    "deploy a --max-response-body 1 --max-request-body 3",
    "max-request-body can only be set when request buffering is enabled",
  ],
  ["deploy a --target x --max-request-body 1 --buffer-requests=false", noServer],
  ["deploy a --tls", `${invalid}host must be set when using TLS`],
  ["deploy a --tls --host a,", `${invalid}host must be set when using TLS`],
  [
    "deploy a --target x --tls --host a --path-prefix /api",
    `${invalid}TLS settings must be specified on the root path service`,
  ],
  ["deploy a --target x --tls --host a --path-prefix ///", noServer],
  [
    "deploy a --target x --canonical-host c --host a --host b",
    `${invalid}canonical-host 'c' must be present in the hosts list: [a b]`,
  ],
  [
    "deploy a --target x --canonical-host c --host A,b",
    `${invalid}canonical-host 'c' must be present in the hosts list: [A b]`,
  ],
  ["deploy a --target x --canonical-host B. --host a,b", noServer],
  ["deploy a --target x --canonical-host c", noServer],
  [
    "deploy a --target x --tls-on-demand-url /x",
    `${invalid}TLS must be enabled to use a TLS on-demand URL`,
  ],
  [`${url} /x --host a`, `${invalid}cannot set hosts when using a TLS on-demand URL`],
  [
    `${url} /x --tls-private-key-path c`,
    `${invalid}cannot use a custom TLS certificate with a TLS on-demand URL`,
  ],
  [
    `${url} /x --canonical-host c`,
    `${invalid}cannot set a canonical host when using a TLS on-demand URL`,
  ],
  [`${url} //x`, `${invalid}tls-on-demand-url must be a path or an absolute http(s) URL`],
  [`${url} ftp://x/y`, `${invalid}unsupported scheme "ftp" in tls-on-demand-url`],
  [`${url} *`, `${invalid}unsupported scheme "" in tls-on-demand-url`],
  [`${url} http:///y`, `${invalid}missing host in tls-on-demand-url`],
  [`${url} http:y`, `${invalid}missing host in tls-on-demand-url`],
  [`${url} a`, `${unparsable} "a": invalid URI for request`],
  [`${url} :a`, `${unparsable} ":a": missing protocol scheme`],
  [`${url} http://a:b/`, `${unparsable} "http://a:b/": invalid port ":b" after host`],
  [`${url} http://a:1:2/`, `${unparsable} "http://a:1:2/": invalid port ":1:2" after host`],
  [`${url} http://a%41/`, `${unparsable} "http://a%41/": invalid URL escape "%41"`],
  [`${url} /a%z`, `${unparsable} "/a%z": invalid URL escape "%z"`],
  [`${url} 'http://a b/'`, `${unparsable} "http://a b/": invalid character " " in host name`],
  [`${url} http://[::1/x`, `${unparsable} "http://[::1/x": missing ']' in host`],
  [
    `${url} http://[abc]/`,
    `${unparsable} "http://[abc]/": invalid host: ParseAddr("abc"): unable to parse IP`,
  ],
  [`${url} http://[fe80::1%25eth0]/`, noServer],
  [`${url} http://[::ffff:1.2.3.4]:80/`, noServer],
  [`${url} http://[1.2.3.4]/`, `${unparsable} "http://[1.2.3.4]/": invalid IP-literal`],
  [`${url} http://a[b]/`, `${unparsable} "http://a[b]/": invalid IP-literal`],
  [`${url} 'http://u p@a/'`, `${unparsable} "http://u p@a/": net/url: invalid userinfo`],
  [`${url} http://u:p@[::1]:80/x?y=%`, noServer],
  [`${url} HTTP://x`, noServer],
  [`${url} /x?y=%`, noServer],
  [
    "deploy a --target x --tls-certificate-path c",
    "if any flags in the group [tls-certificate-path tls-private-key-path] are set they must all be set; missing [tls-private-key-path]",
  ],
  ["deploy a --tls-private-key-path c", `required flag(s) "target" not set`],
];

test.each(refusals)("`%s` is answered as by kamal-proxy", async (line, text) => {
  const { exitCode, stdout, stderr } = await runLine(words(line));
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 1,
    stdout: "",
    stderr: `Error: ${text}\n`,
  });
});

test.each(["1::2::3", ":::", "12345::", "0:0:0", "::1.2.3", "::1.2.3.256", "::g"])(
  "a URL with %s for an IPv6 address is refused",
  async (address) => {
    const { exitCode, stderr } = await runLine(words(`${url} http://[${address}]/`));
    expect(exitCode).toBe(1);
    expect(stderr).toStartWith(`Error: ${unparsable} "http://[${address}]/": invalid host`);
  },
);
