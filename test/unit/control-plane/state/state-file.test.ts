import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { SavedService } from "../../../../src/control-plane/state/state-entry.ts";
import { decodeState, encodeState } from "../../../../src/control-plane/state/state-file.ts";

const current = readFileSync(`${import.meta.dir}/../../../fixtures/state/current.state`, "utf8");

function decodeOne(entry: unknown): SavedService {
  const [decoded] = decodeState(JSON.stringify([entry]));
  if (decoded?.kind !== "service") throw new Error(JSON.stringify(decoded));
  return decoded.service;
}

/** As v0.6 to v0.8.6 wrote it. */
const version08 = {
  name: "web",
  hosts: ["example.com"],
  active_target: "web:80",
  rollout_target: "",
  options: {
    tls_enabled: true,
    tls_certificate_path: "",
    tls_private_key_path: "",
    acme_directory: "",
    acme_cache_path: "/certs",
    error_page_path: "",
  },
  target_options: {
    health_check_config: { path: "/up", interval: 2_000_000_000, timeout: 3_000_000_000 },
    response_timeout: 1_500_000_000,
    buffer_requests: true,
    buffer_responses: true,
    max_memory_buffer_size: 1_048_576,
    max_request_body_size: 5,
    max_response_body_size: 0,
    log_request_headers: ["User-Agent"],
    log_response_headers: null,
    forward_headers: false,
  },
  pause_controller: { state: 2, stop_message: "back soon", fail_after: 30_000_000_000 },
  rollout_controller: null,
};

describe("state file", () => {
  test("a file of kamal-proxy comes back as it was", () => {
    // Hosts are compared in lower case, so they are kept that way.
    const expected = JSON.parse(current.replace("B.example.com", "b.example.com"));
    const entries = decodeState(current);
    expect(entries).toHaveLength(5);
    expect(JSON.parse(encodeState(entries))).toEqual(expected);
  });

  test("the keys keep kamal-proxy's order", () => {
    const written = JSON.parse(encodeState(decodeState(current))) as object[];
    const original = JSON.parse(current) as object[];
    expect(Object.keys(written[0]!)).toEqual(Object.keys(original[0]!));
  });

  test("durations are milliseconds inside", () => {
    const service = decodeState(current).find(
      (entry) => entry.kind === "service" && entry.service.name === "a",
    );
    expect(service).toMatchObject({
      service: {
        options: { writerAffinityTimeoutMs: 1_000 },
        targetOptions: { healthCheck: { intervalMs: 1_000, timeoutMs: 5_000 } },
        pause: { state: "stopped", stopMessage: "hi <there> & é", failAfterMs: 60_000 },
      },
    });
  });

  test("an empty file state is an empty list, and null is one too", () => {
    expect(encodeState([])).toBe("[]\n");
    expect(decodeState("[]")).toEqual([]);
    expect(decodeState("null\n")).toEqual([]);
  });

  test("what an earlier, longer write left behind the list does not count", () => {
    const entries = decodeState(current);
    expect(decodeState(`${current}${current.slice(-40)}`)).toEqual(entries);
  });

  test.each(["", "{", "{}", '"x"', current.slice(0, -20)])("%# is no state file", (text) => {
    expect(() => decodeState(text)).toThrow();
  });
});

describe("state files of older versions", () => {
  test("v0.6 to v0.8: one target and hosts beside the options", () => {
    expect(decodeOne(version08)).toMatchObject({
      name: "web",
      options: {
        hosts: ["example.com"],
        pathPrefixes: ["/"],
        tlsEnabled: true,
        tlsRedirect: true,
        acmeCachePath: "/certs",
        writerAffinityTimeoutMs: 0,
      },
      targetOptions: {
        healthCheck: { path: "/up", port: 0, host: "", intervalMs: 2_000, timeoutMs: 3_000 },
        responseTimeoutMs: 1_500,
        maxRequestBodyBytes: 5,
        forwardHeaders: false,
      },
      activeTargets: ["web:80"],
      activeReaders: [],
      rolloutTargets: null,
      pause: { state: "stopped", stopMessage: "back soon" },
    });
    expect(decodeOne({ ...version08, rollout_target: "new:80" }).rolloutTargets).toEqual([
      "new:80",
    ]);
  });

  test("v0.8.7 says itself whether it redirects", () => {
    const options = { ...version08.options, tls_redirect: false };
    expect(decodeOne({ ...version08, options }).options.tlsRedirect).toBe(false);
  });

  test("v0.8 with prefixes: they are beside the options too", () => {
    const entry = { ...version08, path_prefixes: ["api/"], active_targets: null };
    expect(decodeOne(entry).options.pathPrefixes).toEqual(["/api"]);
  });

  test("v0.1 to v0.5: one host, and TLS by the name of its host", () => {
    const { hosts: _, ...rest } = version08;
    const old = { ...rest, host: "a.example.com", options: { tls_hostname: "a.example.com" } };
    expect(decodeOne(old).options).toMatchObject({ hosts: ["a.example.com"], tlsEnabled: true });
    const plain = { ...rest, host: "a.example.com", options: { tls_hostname: "" } };
    expect(decodeOne(plain).options).toMatchObject({ hosts: ["a.example.com"], tlsEnabled: false });
    const any = { ...rest, host: "", options: { tls_hostname: "" } };
    expect(decodeOne(any).options.hosts).toEqual([""]);
    const tlsOnly = { ...rest, host: "", options: { tls_hostname: "b.example.com" } };
    expect(decodeOne(tlsOnly).options.hosts).toEqual(["b.example.com"]);
  });

  test("what is missing is zero, but nothing that would harm", () => {
    expect(decodeOne({ name: "web", active_targets: ["web:80"] })).toEqual({
      name: "web",
      options: expect.objectContaining({ hosts: [""], pathPrefixes: ["/"], stripPrefix: false }),
      targetOptions: expect.objectContaining({
        healthCheck: {
          protocol: "http",
          path: "",
          port: 0,
          host: "",
          intervalMs: 1_000,
          timeoutMs: 5_000,
        },
        responseTimeoutMs: 0,
      }),
      // What differs from a default must have been given.
      layers: expect.objectContaining({
        set: {},
        flag: expect.objectContaining({ "strip-path-prefix": false, "target-timeout": 0 }),
      }),
      activeTargets: ["web:80"],
      activeReaders: [],
      rolloutTargets: null,
      rolloutReaders: null,
      pause: { state: "running", stopMessage: "", failAfterMs: 0 },
      rolloutSplit: null,
      rolloutPlan: null,
    });
  });
});

describe("damaged entries", () => {
  test.each([
    [{ ...version08, options: { hosts: "example.com" } }, /^options\.hosts: /],
    [{ ...version08, active_target: 5 }, /^active_target: /],
    [{ ...version08, active_target: "http://web:80" }, /^http:\/\/web:80 :invalid host pattern$/],
    [{ active_targets: ["web:80"] }, /name/],
    [7, /./],
  ])("%# is kept as it is, with its reason, and takes no other with it", (raw, reason) => {
    const entries = decodeState(JSON.stringify([version08, raw, { ...version08, name: "api" }]));
    expect(entries.map((entry) => entry.kind)).toContain("broken");
    const broken = entries.find((entry) => entry.kind === "broken");
    expect(broken?.kind === "broken" && broken.reason).toMatch(reason);
    expect(entries.filter((entry) => entry.kind === "service").length).toBeGreaterThanOrEqual(1);
    expect(JSON.parse(encodeState(entries))).toContainEqual(raw);
  });

  test("of two entries of one name the later counts", () => {
    const entries = decodeState(
      JSON.stringify([version08, { ...version08, active_target: "later:80" }]),
    );
    expect(entries).toHaveLength(1);
    expect(entries).toMatchObject([{ service: { activeTargets: ["later:80"] } }]);
  });
});
