import { describe, expect, test } from "bun:test";
import { readTracingSettings } from "../../../src/config/tracing-settings.ts";
import { noTracing } from "../../support/tracing-settings.ts";

describe("settings of traces", () => {
  test("are off without a collector", () => {
    expect(readTracingSettings({})).toEqual(noTracing());
  });

  test("know the collector by its base or by its path", () => {
    const endpoint = (environment: Record<string, string>): string | null =>
      readTracingSettings(environment).endpoint;
    expect(endpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://otel:4318" })).toBe(
      "http://otel:4318/v1/traces",
    );
    expect(endpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: "https://a.example/otlp/" })).toBe(
      "https://a.example/otlp/v1/traces",
    );
    const both = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://otel:4318",
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://traces:4318/here",
    };
    expect(endpoint(both)).toBe("http://traces:4318/here");
  });

  test("have fields and attributes of pairs", () => {
    const read = readTracingSettings({
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20a%3Db, x-team = web",
      OTEL_RESOURCE_ATTRIBUTES: "service.name=edge,deployment.environment.name=production",
    });
    expect(read.headers).toEqual([
      ["authorization", "Bearer a=b"],
      ["x-team", "web"],
    ]);
    expect(read.resource).toEqual([
      ["service.name", "edge"],
      ["deployment.environment.name", "production"],
    ]);
    const named = readTracingSettings({
      OTEL_SERVICE_NAME: "front",
      OTEL_RESOURCE_ATTRIBUTES: "service.name=edge",
      OTEL_EXPORTER_OTLP_HEADERS: "a=1",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "b=2",
    });
    expect([named.resource, named.headers]).toEqual([[["service.name", "front"]], [["b", "2"]]]);
  });

  test.each([
    ["always_on", "", { parentBased: false, ratio: 1 }],
    ["always_off", "", { parentBased: false, ratio: 0 }],
    ["traceidratio", "0.1", { parentBased: false, ratio: 0.1 }],
    ["traceidratio", "", { parentBased: false, ratio: 1 }],
    ["parentbased_always_off", "", { parentBased: true, ratio: 0 }],
    ["parentbased_traceidratio", "0.01", { parentBased: true, ratio: 0.01 }],
    ["parentbased_always_on", "0.5", { parentBased: true, ratio: 1 }],
    ["", "0.25", { parentBased: true, ratio: 0.25 }],
  ])("sample by %s %s", (sampler, argument, expected) => {
    const read = readTracingSettings({
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: argument,
    });
    expect(read.sampler).toEqual(expected);
  });

  test.each([
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "otel:4318", "must be an absolute http(s) URL"],
    ["OTEL_TRACES_SAMPLER_ARG", "1.5", "must be a number from 0 to 1"],
    ["OTEL_TRACES_SAMPLER", "jaeger_remote", "always_on"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "nothing", "must be name=value"],
    ["OTEL_RESOURCE_ATTRIBUTES", "a=%zz", "must be name=value"],
  ])("refuse %s=%s", (variable, value, reason) => {
    expect(() => readTracingSettings({ [variable]: value })).toThrow(reason);
    expect(() => readTracingSettings({ [variable]: value })).toThrow(variable);
  });
});
