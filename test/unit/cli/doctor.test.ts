import { describe, expect, test } from "bun:test";
import type { Finding } from "../../../src/cli/doctor/check.ts";
import { listeningInodes } from "../../../src/cli/doctor/listeners.ts";
import type { ProbeAnswer, Probes, ServedCertificate } from "../../../src/cli/doctor/probes.ts";
import { productVersion } from "../../../src/cli/version.ts";
import type { ServiceDescription } from "../../../src/control-plane/socket/protocol.ts";
import type { ProxyStatus } from "../../../src/control-plane/socket/status-protocol.ts";
import { runLine } from "../../support/command-line.ts";
import { proxyStatus, serviceDescription } from "../../support/proxy-status.ts";

const nowMs = Date.UTC(2026, 0, 1);
const answer: ProbeAnswer = {
  kind: "answer",
  status: 200,
  location: null,
  errorCode: null,
  dateMs: null,
};
const certificate: ServedCertificate = {
  kind: "certificate",
  issuer: "Test CA",
  expiresMs: nowMs + 60 * 86_400_000,
  coversName: true,
  distrust: null,
};

interface World {
  status?: Partial<ProxyStatus>;
  services?: Record<string, ServiceDescription>;
  probes?: Partial<Probes>;
}

const goodProbes: Probes = {
  resolve: async () => ["192.0.2.1"],
  localAddresses: () => ["192.0.2.1"],
  handshake: async () => certificate,
  get: async () => answer,
  listeners: () => [{ pid: 1, name: "kamal-proxy" }],
};

/** Findings other than ok, as `level check subject: result`. */
async function examine(world: World, ...args: string[]) {
  const status = proxyStatus({ version: productVersion, ...world.status });
  const services = world.services ?? {};
  const { stdout, stderr, exitCode } = await runLine(["doctor", "--json", ...args], {
    reply: ({ command }) => (command === "status" ? { ok: true, status } : { ok: true, services }),
    wallMs: nowMs,
    probes: { ...goodProbes, ...world.probes },
  });
  const findings = stdout === "" ? [] : (JSON.parse(stdout) as Finding[]);
  const faults = findings
    .filter(({ level }) => level !== "ok")
    .map(({ check, subject, level, result }) => `${level} ${check} ${subject}: ${result}`);
  return { findings, faults, stderr, exitCode };
}

const web = serviceDescription({
  hosts: ["app.test"],
  tls: true,
  target_details: [
    {
      target: "web:80",
      group: "active",
      read_only: false,
      state: "healthy",
      last_error: null,
      in_flight: 0,
      served: 0,
      health_url: "http://web:80/up",
      health_host: "",
    },
  ],
});
const stopped = serviceDescription({ hosts: ["old.test"], paths: ["/shop"], state: "stopped" });

describe("doctor", () => {
  test("finds nothing where all is well, and looks at everything", async () => {
    const { findings, faults, exitCode } = await examine({ services: { web } });
    expect({ faults, exitCode }).toEqual({
      faults: ["note redirect app.test: http is served as it is (200)"],
      exitCode: 0,
    });
    expect(new Set(findings.map(({ check }) => check)).size).toBeGreaterThan(10);
  });

  test("names the lines of the log that tell why a worker waits", async () => {
    const worker = { worker: 0, pid: 0, restarts: 7, cpu_seconds: 0, memory_bytes: 0 };
    const { findings } = await examine({
      status: { processes: [{ ...worker, state: "waiting" }] },
    });
    const advice = findings.find(({ check }) => check === "worker")?.advice;
    expect(advice).toBe("see `Unable to start worker` or `Worker died` in the log");
  });

  test.each<[string, World, string, number]>([
    ["another version", { status: { version: "0.0.1" } }, "warning version : 0.0.1 runs", 0],
    [
      "a port that does not answer",
      { probes: { get: async () => ({ kind: "fault", reason: "refused" }) } },
      "failure port http 80: refused",
      1,
    ],
    [
      "a worker that waits",
      {
        status: {
          processes: [
            { worker: 1, pid: 0, state: "waiting", restarts: 7, cpu_seconds: 0, memory_bytes: 0 },
          ],
        },
      },
      "failure worker 1: is waiting, replaced 7 times",
      1,
    ],
    [
      "a folder that is not writable",
      { status: { data_path_error: "EACCES" } },
      "failure data folder : /data: EACCES",
      1,
    ],
    [
      "a container without volume",
      { status: { in_container: true } },
      "warning data folder : /data is inside the container",
      0,
    ],
    ["a full disk", { status: { disk_free_bytes: 2 ** 20 } }, "failure disk : 1 MB free", 1],
    ["few descriptors", { status: { max_open_files: 256 } }, "warning open files : limit 256", 0],
    [
      "a short queue",
      { status: { accept_queue: 128 } },
      "warning accept queue : net.core.somaxconn is 128",
      0,
    ],
    [
      "a stopped service",
      { services: { stopped } },
      "warning service stopped: is stopped: every request is answered 503",
      0,
    ],
    [
      "an unhealthy target",
      {
        services: {
          web: {
            ...web,
            target_details: [
              { ...web.target_details[0]!, state: "unhealthy", last_error: "answered 404 on /up" },
            ],
          },
        },
      },
      "failure target web web:80: answered 404 on /up",
      1,
    ],
    [
      "a host without address",
      { services: { web }, probes: { resolve: async () => [] } },
      "warning DNS app.test: has no address",
      0,
    ],
    [
      "a host that leads elsewhere",
      { services: { web }, probes: { resolve: async () => ["203.0.113.9"] } },
      "warning DNS app.test: is 203.0.113.9, none of this machine's addresses",
      0,
    ],
    [
      "an expired certificate",
      {
        services: { web },
        probes: { handshake: async () => ({ ...certificate, expiresMs: nowMs - 86_400_000 }) },
      },
      "failure certificate app.test: expired 1 days ago",
      1,
    ],
    [
      "a certificate of another name",
      {
        services: { web },
        probes: { handshake: async () => ({ ...certificate, coversName: false }) },
      },
      "failure certificate app.test: the certificate that is served has another name (Test CA)",
      1,
    ],
    [
      "a refused handshake, by the reason that the proxy knows",
      {
        services: {
          web: {
            ...web,
            certificates: [
              {
                name: "app.test",
                source: "acme",
                expires: null,
                error: "rate limit",
                preflight: null,
              },
            ],
          },
        },
        probes: { handshake: async () => ({ kind: "fault", reason: "alert 80" }) },
      },
      "failure certificate app.test: rate limit",
      1,
    ],
    [
      "another process on a port of the proxy",
      {
        probes: {
          listeners: (port) => [
            { pid: 1, name: "kamal-proxy" },
            ...(port === 443 ? [{ pid: 77, name: "nginx" }] : []),
          ],
        },
      },
      "failure port owner https 443: nginx (77) listens there, too",
      1,
    ],
    [
      "a port that can't be looked at",
      { probes: { listeners: () => [{ pid: null, name: null }] } },
      "note port owner http 80: another user's process listens there",
      0,
    ],
    [
      "a clock that is wrong",
      {
        services: {
          web: {
            ...web,
            certificates: [
              { name: "app.test", source: "acme", expires: null, error: null, preflight: null },
            ],
          },
        },
        probes: { get: async () => ({ ...answer, dateMs: nowMs - 300_000 }) },
      },
      "failure clock : is 300 s ahead of that of authority.invalid",
      1,
    ],
    [
      "an authority that can't be reached",
      {
        services: {
          web: {
            ...web,
            certificates: [
              { name: "app.test", source: "acme", expires: null, error: null, preflight: null },
            ],
          },
        },
        probes: {
          get: async ({ address }) =>
            address === "authority.invalid" ? { kind: "fault", reason: "refused" } : answer,
        },
      },
      "warning clock authority.invalid: the certificate authority can't be reached: refused",
      0,
    ],
    [
      "an upgrade that the image does not have",
      { status: { image_version: "0.0.1" } },
      `note image : is of 0.0.1, ${productVersion} runs in it`,
      0,
    ],
    [
      "Docker's default network",
      { status: { in_container: true, data_is_mounted: true } },
      "warning container network: has no names of containers",
      0,
    ],
    [
      "a container of another name",
      {
        status: { in_container: true, data_is_mounted: true, docker_dns: true },
        probes: { resolve: async () => [] },
      },
      "note container name: is not kamal-proxy",
      0,
    ],
    [
      "a target that counts as healthy and fails now",
      {
        services: { web },
        probes: {
          get: async ({ address }) => (address === "web" ? { ...answer, status: 500 } : answer),
        },
      },
      "failure target web web:80: counts as healthy, and answers 500 on /up now",
      1,
    ],
    [
      "a target that can't be reached",
      {
        services: { web },
        probes: {
          get: async ({ address }) =>
            address === "web" ? { kind: "fault", reason: "connection refused" } : answer,
        },
      },
      "warning target web web:80: counts as healthy, and can't be reached from here: connection refused",
      0,
    ],
    [
      "a loop between the proxy and what is in front of it",
      {
        services: { web },
        probes: {
          resolve: async () => ["203.0.113.9"],
          get: async ({ address }) =>
            address === "203.0.113.9"
              ? { ...answer, status: 301, location: "https://app.test/" }
              : answer,
        },
      },
      "failure in front app.test: by way of 203.0.113.9, https redirects to https://app.test/: a loop",
      1,
    ],
    [
      "a loop",
      {
        services: { web },
        probes: { get: async () => ({ ...answer, status: 301, location: "http://app.test/" }) },
      },
      "failure redirect app.test: https redirects to http://app.test/: a loop",
      1,
    ],
  ])("finds %s", async (_, world, fault, code) => {
    const { faults, exitCode } = await examine(world);
    expect(faults.some((each) => each.startsWith(fault)) ? fault : faults).toBe(fault);
    expect(exitCode).toBe(code);
  });

  test("looks only at what was named", async () => {
    const services = { web, stopped };
    const { findings } = await examine({ services }, "stopped");
    expect(findings.map(({ subject }) => subject)).not.toContain("web");
    const ofHost = await examine(
      { services: { web: { ...web, hosts: ["app.test", "b.test"] } } },
      "B.test",
    );
    expect(ofHost.findings.map(({ subject }) => subject)).toContain("b.test");
    expect(ofHost.findings.map(({ subject }) => subject)).not.toContain("app.test");
    expect(await examine({ services }, "nobody")).toMatchObject({
      stderr: "Error: nothing here is called nobody: give a service, a host or a URL\n",
      exitCode: 1,
    });
  });

  test("says how to reach a proxy that is not there", async () => {
    const { stdout, exitCode } = await runLine(["doctor"], {
      probes: {
        ...goodProbes,
        listeners: (port) => (port === 80 ? [{ pid: 77, name: "nginx" }] : []),
      },
    });
    expect(stdout).toContain("FAIL  control socket /run/test.sock: dial unix");
    expect(stdout).toContain("→ start the proxy");
    expect(stdout).toContain("FAIL  port owner 80: nginx (77) listens there\n");
    expect(exitCode).toBe(1);
  });
});

describe("doctor with a URL", () => {
  const services = { web, stopped, any: serviceDescription({ hosts: [""], paths: ["/api"] }) };

  test.each<[string, Partial<Probes>, string[], number]>([
    ["https://app.test/x?y", {}, [], 0],
    [
      "https://ap.test/",
      {},
      ["failure route ap.test: 404: no service has this host; similar: app.test"],
      1,
    ],
    [
      "https://old.test/",
      {},
      ["failure route old.test/: 404: no service of this host has this path"],
      1,
    ],
    ["http://old.test/shop/1", {}, ["failure admission stopped: 503: the service is stopped"], 1],
    [
      "https://app.test/",
      { get: async () => ({ ...answer, status: 502, errorCode: "connection-lost" }) },
      ["failure answer https://app.test/: 502 of the proxy: connection-lost"],
      1,
    ],
    [
      "https://app.test/",
      { get: async () => ({ ...answer, status: 500 }) },
      ["failure answer https://app.test/: 500 of the app"],
      1,
    ],
    ["http://other.test/api/1", {}, ["failure target any: 503: no target is healthy"], 1],
    [
      "https://other.test/api/1",
      {},
      [
        "failure target any: 503: no target is healthy",
        "failure answer any: is deployed without TLS: a handshake for this host fails",
      ],
      1,
    ],
  ])("%s", async (url, probes, expected, code) => {
    const { faults, exitCode } = await examine({ services, probes }, url);
    expect({ faults, exitCode }).toEqual({ faults: expected, exitCode: code });
  });
});

test("doctor with a URL says since when a service is paused", async () => {
  const paused = serviceDescription({ hosts: ["old.test"], state: "paused", held_requests: 2 });
  const event = { id: 1, kind: "change", outcome: "good", service: "web", took_ms: null } as const;
  const events = [{ ...event, at_ms: nowMs, text: "Paused" }];
  const { faults } = await examine(
    { services: { web: paused }, status: { events } },
    "http://old.test/",
  );
  expect(faults[0]).toMatch(
    /^failure admission web: the service is paused since 202\d-\d\d-\d\dT\d\d:\d\d:00\S+, 2 requests wait$/,
  );
});

test("listening sockets are found in the table of the system", () => {
  const table =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
    "   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n" +
    "   1: 0100007F:0050 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n" +
    "   2: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1\n";
  expect(listeningInodes(table, 80)).toEqual(["4711"]);
  expect(listeningInodes(table, 8_080)).toEqual(["4713"]);
  expect(listeningInodes("", 80)).toEqual([]);
});
