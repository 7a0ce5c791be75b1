import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  normalizeServiceOptions,
  normalizeTargetOptions,
} from "../../src/config/validate-options.ts";
import { MessageReader } from "../../src/control-plane/socket/framing.ts";
import { rolloutSplit } from "../../src/control-plane/service.ts";
import type { SavedService, StateEntry } from "../../src/control-plane/state/state-entry.ts";
import { decodeState, encodeState } from "../../src/control-plane/state/state-file.ts";

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const texts = fc.array(text, { maxLength: 3 });
/** Whole microseconds up to a month, which are exact in both units. */
const ms = fc.integer({ min: 0, max: 2_592_000_000 }).map((value) => value / 1_000);
const bytes = fc.nat();
const address = fc
  .tuple(fc.stringMatching(/^[a-z][a-z0-9.-]{1,10}$/), fc.integer({ min: 1, max: 65_535 }))
  .map(([host, port]) => `${host}:${port}`);
const addresses = fc.array(address, { maxLength: 3 });
const oneOrMore = fc.array(address, { minLength: 1, maxLength: 3 });

const options = fc
  .record({
    hosts: texts,
    pathPrefixes: texts,
    stripPrefix: fc.boolean(),
    tlsEnabled: fc.boolean(),
    tlsRedirect: fc.boolean(),
    tlsCertificatePath: text,
    tlsPrivateKeyPath: text,
    tlsOnDemandUrl: text,
    canonicalHost: text,
    acmeDirectory: text,
    acmeCachePath: text,
    errorPagePath: text,
    writerAffinityTimeoutMs: ms,
    readTargetsAcceptWebsockets: fc.boolean(),
    excludeMetricsPaths: texts,
    clientIpHeader: text,
  })
  .map((value) => normalizeServiceOptions(normalizeServiceOptions(value)));

const targetOptions = fc
  .record({
    healthCheck: fc.record({
      path: text,
      port: fc.integer({ min: 0, max: 65_535 }),
      host: text,
      intervalMs: ms.filter((value) => value > 0),
      timeoutMs: ms.filter((value) => value > 0),
    }),
    responseTimeoutMs: ms,
    bufferRequests: fc.boolean(),
    bufferResponses: fc.boolean(),
    maxMemoryBufferBytes: bytes,
    maxRequestBodyBytes: bytes,
    maxResponseBodyBytes: bytes,
    logRequestHeaders: texts,
    logResponseHeaders: texts,
    forwardHeaders: fc.boolean(),
    scopeCookiePaths: fc.boolean(),
  })
  .map(normalizeTargetOptions);

const rollout = fc.option(fc.tuple(oneOrMore, addresses), { nil: null });

const service: fc.Arbitrary<SavedService> = fc
  .tuple(
    fc.record({
      name: text.filter((name) => name !== ""),
      options,
      targetOptions,
      activeTargets: addresses,
      activeReaders: addresses,
      pause: fc.record({
        state: fc.constantFrom("running" as const, "paused" as const, "stopped" as const),
        stopMessage: text,
        failAfterMs: ms,
      }),
      rolloutSplit: fc.option(
        fc
          .tuple(fc.integer({ min: 0, max: 100 }), texts)
          .map(([percentage, allowlist]) => rolloutSplit(percentage, allowlist)),
        { nil: null },
      ),
    }),
    rollout,
  )
  .map(([base, targets]) => ({
    ...base,
    rolloutTargets: targets?.[0] ?? null,
    rolloutReaders: targets?.[1] ?? null,
  }));

describe("state file", () => {
  test("whatever is saved comes back", () => {
    const lists = fc.uniqueArray(service, { maxLength: 4, selector: (entry) => entry.name });
    fc.assert(
      fc.property(lists, (services) => {
        const entries: StateEntry[] = services.map((saved) => ({
          kind: "service",
          service: saved,
        }));
        expect(decodeState(encodeState(entries))).toEqual(entries);
      }),
    );
  });

  test("any list of JSON is read without loss: each entry is a service or kept as it is", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 5 }), (list) => {
        const entries = decodeState(JSON.stringify(list));
        const kept = entries.map((entry) => (entry.kind === "broken" ? entry.raw : entry.service));
        expect(kept).toEqual(JSON.parse(JSON.stringify(list)));
        expect(JSON.parse(encodeState(entries))).toEqual(JSON.parse(JSON.stringify(list)));
      }),
    );
  });
});

describe("control message", () => {
  test("it is the same however its bytes are cut", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat({ max: 64 }), (bytes, cut) => {
        const line = Buffer.from(bytes.filter((byte) => byte !== 0x0a));
        const whole = Buffer.concat([line, Buffer.from("\n")]);
        const reader = new MessageReader(64);
        const first = reader.push(whole.subarray(0, cut));
        const received = first.kind === "more" ? reader.push(whole.subarray(cut)) : first;
        expect(received).toMatchObject({ kind: "line", line: line.toString("utf8") });
      }),
    );
  });
});
