/**
 * The command lines that Kamal sends to the proxy, as words behind `kamal-proxy` after the remote shell
 * has taken the quotes away. Only the targets are those of a live app.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { createCertificate } from "../support/certificates.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { startScriptedApp } from "../support/scripted-app.ts";

setDefaultTimeout(30_000);

/**
 * An authority that nobody can reach: a deploy with TLS must not wait for it. What name servers say of the hosts
 * depends on the machine.
 */
const noAuthority = {
  KAMAL_PROXY_ACME_DIRECTORY: "http://127.0.0.1:1/directory",
  KAMAL_PROXY_ACME_PREFLIGHT: "off",
};

const timeouts = ["--deploy-timeout=30s", "--drain-timeout=30s"];
const buffering = ["--buffer-requests", "--buffer-responses"];
const logged = [
  "--log-request-header=Cache-Control",
  "--log-request-header=Last-Modified",
  "--log-request-header=User-Agent",
];

interface DeployCase {
  flags: string[];
  options?: Record<string, unknown>;
  targetOptions?: Record<string, unknown>;
  /** What a plain request for this host and path is answered. */
  asks?: [host: string, path: string, status: number][];
}

const deploys: Record<string, DeployCase> = {
  // basecamp/kamal#1941, #1865, basecamp/kamal-proxy#227.
  "what newer versions have": {
    flags: [
      ...timeouts,
      "--host=a.test",
      "--host=b.test",
      "--canonical-host=a.test",
      "--client-ip-header=True-Client-IP",
      "--exclude-metrics-path=/up",
      "--basic-auth=admin:secret",
      "--publish-health-check",
      ...buffering,
      ...logged,
    ],
    options: {
      canonical_host: "a.test",
      client_ip_header: "True-Client-IP",
      exclude_metrics_paths: ["/up"],
      publish_health_check: true,
    },
    asks: [["a.test", "/", 401]],
  },
  "the defaults": {
    flags: [...timeouts, ...buffering, ...logged],
    options: { hosts: [""], path_prefixes: ["/"], tls_enabled: false, strip_prefix: true },
    targetOptions: {
      buffer_requests: true,
      buffer_responses: true,
      forward_headers: true,
      response_timeout: 30_000_000_000,
      log_request_headers: ["Cache-Control", "Last-Modified", "User-Agent"],
    },
  },
  "a short deploy timeout": {
    flags: ["--deploy-timeout=6s", "--drain-timeout=30s", ...buffering, ...logged],
  },
  "a response timeout": {
    flags: [...timeouts, "--target-timeout=10s", ...buffering, ...logged],
    targetOptions: { response_timeout: 10_000_000_000 },
  },
  "a health check": {
    flags: [
      ...timeouts,
      "--health-check-interval=3s",
      "--health-check-timeout=2s",
      "--health-check-path=/up",
      ...buffering,
      ...logged,
    ],
    targetOptions: {
      health_check_config: { path: "/up", interval: 3_000_000_000, timeout: 2_000_000_000 },
    },
  },
  "a host": {
    flags: ["--host=busybox.example.com", ...timeouts, ...buffering, ...logged],
    options: { hosts: ["busybox.example.com"] },
    asks: [
      ["busybox.example.com", "/", 200],
      ["other.example.com", "/", 404],
    ],
  },
  TLS: {
    flags: ["--host=example.com", "--tls", ...timeouts, ...buffering, ...logged],
    options: { hosts: ["example.com"], tls_enabled: true, tls_redirect: true },
    targetOptions: { forward_headers: false },
    asks: [["example.com", "/", 301]],
  },
  "TLS for several hosts": {
    flags: [
      "--host=example.com",
      "--host=anotherexample.com",
      "--tls",
      ...timeouts,
      ...buffering,
      ...logged,
    ],
    options: { hosts: ["example.com", "anotherexample.com"], tls_enabled: true },
    asks: [
      ["example.com", "/", 301],
      ["anotherexample.com", "/", 301],
      ["third.example.com", "/", 404],
    ],
  },
  "TLS behind another proxy": {
    flags: [
      "--host=example.com",
      "--tls",
      ...timeouts,
      ...buffering,
      "--forward-headers",
      "--tls-redirect=false",
      ...logged,
    ],
    options: { tls_enabled: true, tls_redirect: false },
    targetOptions: { forward_headers: true },
    asks: [["example.com", "/", 200]],
  },
  "path prefixes": {
    flags: [...timeouts, ...buffering, "--path-prefix=/api", "--path-prefix=/v2", ...logged],
    options: { path_prefixes: ["/api", "/v2"], strip_prefix: true },
    asks: [
      ["example.com", "/api/x", 200],
      ["example.com", "/v2", 200],
      ["example.com", "/", 404],
    ],
  },
  "a path prefix that stays": {
    flags: [
      ...timeouts,
      ...buffering,
      "--path-prefix=/api",
      "--strip-path-prefix=false",
      ...logged,
    ],
    options: { path_prefixes: ["/api"], strip_prefix: false },
  },
  "buffering with limits": {
    flags: [
      ...timeouts,
      ...buffering,
      "--buffer-memory=1000000",
      "--max-request-body=40000000",
      "--max-response-body=1000000",
      ...logged,
    ],
    targetOptions: {
      max_memory_buffer_size: 1_000_000,
      max_request_body_size: 40_000_000,
      max_response_body_size: 1_000_000,
    },
  },
  "no buffering": {
    flags: [...timeouts, "--buffer-requests=false", "--buffer-responses=false", ...logged],
    targetOptions: { buffer_requests: false, buffer_responses: false },
  },
  "forwarded headers": {
    flags: [...timeouts, ...buffering, "--forward-headers=false", ...logged],
    targetOptions: { forward_headers: false },
  },
  "logged fields of its own": {
    flags: [
      ...timeouts,
      ...buffering,
      "--log-request-header=Cache-Control",
      "--log-request-header=Last-Modified",
      "--log-response-header=X-Cache",
    ],
    targetOptions: {
      log_request_headers: ["Cache-Control", "Last-Modified"],
      log_response_headers: ["X-Cache"],
    },
  },
};

async function kamal(proxy: ProxyProcess, ...words: string[]): Promise<void> {
  const result = await proxy.run(...words);
  // Kamal shows what a command says, and goes on.
  const stderr = result.stderr.replace(/^Warning: the password of "admin" .*\n/, "");
  expect({ words, ...result, stderr }).toEqual({
    words,
    code: 0,
    stdout: "",
    stderr: "",
  });
}

async function ask(proxy: ProxyProcess, host: string, path = "/") {
  using client = await connectRaw(proxy.httpPort);
  return await readResponse(client.send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
}

interface SavedService {
  name: string;
  options: Record<string, unknown>;
  target_options: Record<string, unknown>;
  active_targets: string[];
}

async function saved(proxy: ProxyProcess): Promise<SavedService[]> {
  return (await Bun.file(proxy.statePath).json()) as SavedService[];
}

describe("kamal deploy", () => {
  test.each(Object.entries(deploys))("%s", async (_, { flags, options, targetOptions, asks }) => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({ env: noAuthority });
    await kamal(proxy, "deploy", "app-web", `--target=${app.address}`, ...flags);
    const [service] = await saved(proxy);
    expect(service).toMatchObject({ name: "app-web", active_targets: [app.address] });
    expect(service?.options).toMatchObject(options ?? {});
    expect(service?.target_options).toMatchObject(targetOptions ?? {});
    for (const [host, path, status] of asks ?? [["example.com", "/api/up", 200]]) {
      const response = await ask(proxy, host, path);
      expect({ host, path, status: response.status }).toEqual({ host, path, status });
      if (status === 301)
        expect(valuesOf(response, "location")).toEqual([`https://${host}${path}`]);
    }
  });

  test("a certificate of its own and error pages, from the apps' folder", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start({ env: noAuthority });
    const folder = `${proxy.home}/.apps-config/app`;
    mkdirSync(`${folder}/tls/web`, { recursive: true });
    mkdirSync(`${folder}/error_pages/abc123`, { recursive: true });
    const { certificate, privateKey } = createCertificate(["example.com"]);
    writeFileSync(`${folder}/tls/web/cert.pem`, certificate);
    writeFileSync(`${folder}/tls/web/key.pem`, privateKey);
    writeFileSync(`${folder}/error_pages/abc123/503.html`, "<p>{{ .Message }}</p>");
    await kamal(
      proxy,
      "deploy",
      "app-web",
      `--target=${app.address}`,
      "--host=example.com",
      "--tls",
      `--tls-certificate-path=${folder}/tls/web/cert.pem`,
      `--tls-private-key-path=${folder}/tls/web/key.pem`,
      ...timeouts,
      ...buffering,
      "--tls-redirect=false",
      ...logged,
      `--error-pages=${folder}/error_pages/abc123`,
    );
    expect((await ask(proxy, "example.com")).status).toBe(200);
    await kamal(proxy, "stop", "app-web", "--drain-timeout=10s", "--message=Hi");
    expect((await ask(proxy, "example.com")).body.toString()).toBe("<p>Hi</p>");
    expect((await saved(proxy))[0]?.options).toMatchObject({
      tls_certificate_path: `${folder}/tls/web/cert.pem`,
      tls_private_key_path: `${folder}/tls/web/key.pem`,
      error_page_path: `${folder}/error_pages/abc123`,
    });
  });

  test("two roles side by side, then a new version of one", async () => {
    using web = startScriptedApp();
    using next = startScriptedApp();
    using admin = startScriptedApp();
    await using proxy = await ProxyProcess.start();
    const rest = [...timeouts, ...buffering, ...logged];
    await kamal(proxy, "deploy", "app-web", `--target=${web.address}`, ...rest);
    const host = "--host=admin.example.com";
    await kamal(proxy, "deploy", "app-admin", `--target=${admin.address}`, host, ...rest);
    await kamal(proxy, "deploy", "app-web", `--target=${next.address}`, ...rest);
    await ask(proxy, "admin.example.com");
    await ask(proxy, "example.com");
    expect([web, next, admin].map((app) => app.requests.length)).toEqual([0, 1, 1]);
  });
});

describe("kamal app maintenance, live and remove", () => {
  test("stop, resume and remove", async () => {
    using app = startScriptedApp();
    await using proxy = await ProxyProcess.start();
    await kamal(proxy, "deploy", "app-web", `--target=${app.address}`, ...timeouts, ...buffering);
    const statuses: number[] = [];
    const steps = [
      ["stop", "app-web"],
      ["resume", "app-web"],
      ["stop", "app-web", "--drain-timeout=30s"],
      ["resume", "app-web"],
      ["stop", "app-web", "--drain-timeout=10s", "--message=Hello"],
      ["resume", "app-web"],
      ["remove", "app-web"],
    ];
    for (const step of steps) {
      await kamal(proxy, ...step);
      statuses.push((await ask(proxy, "example.com")).status);
    }
    expect(statuses).toEqual([503, 200, 503, 200, 503, 200, 404]);
    expect(await saved(proxy)).toEqual([]);
  });
});

describe("kamal proxy boot", () => {
  test("the flags of `run`, with a value as a word of its own", async () => {
    await using debug = await ProxyProcess.start({ args: ["--debug"], metrics: false });
    await debug.waitForLog("Server started");
    await debug.waitForLog("No previous state to restore");
    await using other = await ProxyProcess.start({ metrics: false });
    const metricsPort = String(other.metricsPort);
    await other.stop();
    await using proxy = await ProxyProcess.start({
      args: ["--debug", "--metrics-port", metricsPort],
      metrics: false,
    });
    await proxy.waitForLog("Metrics enabled");
    const metrics = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    expect(metrics.status).toBe(200);
    expect(await proxy.stop()).toBe(0);
    expect(proxy.logs.at(-1)?.["msg"]).toBe("Server stopped");
  });
});
