import { describe, expect, test } from "bun:test";
import {
  deployLayers,
  layeredOptions,
  type SettingLayers,
  sourcesOf,
} from "../../../src/config/setting-layers.ts";
import { normalizeServiceOptions } from "../../../src/config/validate-options.ts";
import { serviceOptions, targetOptions } from "../../support/service-options.ts";

const asked = {
  options: normalizeServiceOptions(serviceOptions()),
  targetOptions: targetOptions(),
};

function layers(parts: Partial<SettingLayers>): SettingLayers {
  return { set: {}, flag: {}, file: {}, app: {}, default: {}, ...parts };
}

function timeoutOf(parts: Partial<SettingLayers>): number {
  return layeredOptions(layers(parts), asked.options).targetOptions.responseTimeoutMs;
}

describe("setting layers", () => {
  test("what was set counts first, then flag, file, app and default", () => {
    const named = (ms: number) => ({ "target-timeout": ms });
    const all = { app: named(4), file: named(3), flag: named(2), set: named(1) };
    expect(timeoutOf({})).toBe(30_000);
    expect(timeoutOf({ app: all.app })).toBe(4);
    expect(timeoutOf({ app: all.app, file: all.file })).toBe(3);
    expect(timeoutOf({ ...all, set: {} })).toBe(2);
    expect(timeoutOf(all)).toBe(1);
    expect(sourcesOf(layers({ ...all, set: {} }))).toMatchObject({
      "target-timeout": "flag",
      tls: "default",
    });
  });

  test("a flag that was given with its default counts more than a file", () => {
    const given = deployLayers(asked, ["target-timeout"]);
    expect(given.flag).toEqual({ "target-timeout": 30_000 });
    const { targetOptions: out } = layeredOptions(
      { ...given, file: { "target-timeout": 1, "buffer-memory": 2 } },
      asked.options,
    );
    expect(out).toMatchObject({ responseTimeoutMs: 30_000, maxMemoryBufferBytes: 2 });
  });

  test("where nobody knows what was given, it is what differs from the default", () => {
    const all = {
      options: normalizeServiceOptions(serviceOptions({ hosts: ["a.test"], tlsEnabled: true })),
      targetOptions: targetOptions({ forwardHeaders: false }),
    };
    const inferred = deployLayers(all, undefined);
    expect(inferred.flag).toEqual({ host: ["a.test"], tls: true });
    // Its default is the folder of whoever gave the command.
    expect(inferred.default).toEqual({ "tls-acme-cache-path": asked.options.acmeCachePath });
    expect(layeredOptions(inferred, all.options)).toEqual(all);
  });

  test("headers are trusted by default unless the service has TLS, whoever says so", () => {
    const file = { tls: true, host: ["a.test"] };
    const out = layeredOptions(layers({ file }), asked.options);
    expect(out.targetOptions.forwardHeaders).toBe(false);
    const given = layeredOptions(
      layers({ file, flag: { "forward-headers": true } }),
      asked.options,
    );
    expect(given.targetOptions.forwardHeaders).toBe(true);
  });
});
