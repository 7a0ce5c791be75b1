/** Where spans go, and which: the variables that all programs with OpenTelemetry read, as `run` finds them. */
import { goQuote } from "../go/quote.ts";
import { CommandError } from "./command-error.ts";
import { readVariables, type RunSettingTable } from "./environment.ts";
import type { Environment } from "./paths.ts";

export const tracingSettings = {
  endpoint: {
    kind: "text",
    flag: null,
    variables: ["OTEL_EXPORTER_OTLP_ENDPOINT"],
    fallback: "",
    fault: urlFault,
    help: "URL of an OpenTelemetry collector (OTLP/HTTP) that gets spans, such as http://otel:4318",
  },
  tracesEndpoint: {
    kind: "text",
    flag: null,
    variables: ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"],
    fallback: "",
    fault: urlFault,
    help: "The same, with its path: counts more",
  },
  headers: {
    kind: "text",
    flag: null,
    variables: ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"],
    fallback: "",
    secret: true,
    help: "Fields for the collector, as name=value,…; values are percent-encoded",
  },
  serviceName: {
    kind: "text",
    flag: null,
    variables: ["OTEL_SERVICE_NAME"],
    fallback: "kamal-proxy",
    help: "Name of the proxy in traces",
  },
  resourceAttributes: {
    kind: "text",
    flag: null,
    variables: ["OTEL_RESOURCE_ATTRIBUTES"],
    fallback: "",
    help: "What else is said of it, as name=value,…",
  },
  sampler: {
    kind: "choice",
    flag: null,
    variables: ["OTEL_TRACES_SAMPLER"],
    words: [
      "always_on",
      "always_off",
      "traceidratio",
      "parentbased_always_on",
      "parentbased_always_off",
      "parentbased_traceidratio",
    ],
    fallback: "parentbased_always_on",
    help: "Which requests get a span",
  },
  samplerArgument: {
    kind: "text",
    flag: null,
    variables: ["OTEL_TRACES_SAMPLER_ARG"],
    fallback: "",
    fault: (text) =>
      text === "" || (Number(text) >= 0 && Number(text) <= 1)
        ? undefined
        : "must be a number from 0 to 1",
    help: "Share of the requests, for the samplers of a ratio; alone it means parentbased_traceidratio",
  },
} as const satisfies RunSettingTable;

export interface TracingSettings {
  /** URL that takes spans; null: nobody does. */
  endpoint: string | null;
  /** Fields of the requests to it. */
  headers: [name: string, value: string][];
  /** Attributes of the resource that the spans are of. */
  resource: [key: string, value: string][];
  sampler: SamplerSettings;
}

export interface SamplerSettings {
  /** What whoever began the trace has decided counts. */
  parentBased: boolean;
  /** 0 to 1. */
  ratio: number;
}

/** Throws a CommandError when a setting makes no sense. */
export function readTracingSettings(environment: Environment): TracingSettings {
  const read = readVariables(tracingSettings, environment);
  const endpoint = read.tracesEndpoint || withTracesPath(read.endpoint);
  const attributes = pairsOf(read.resourceAttributes, "OTEL_RESOURCE_ATTRIBUTES");
  const named = attributes.find(([key]) => key === "service.name")?.[1];
  const isNamed = (environment["OTEL_SERVICE_NAME"] ?? "").trim() !== "";
  return {
    endpoint: endpoint === "" ? null : endpoint,
    headers: pairsOf(read.headers, "OTEL_EXPORTER_OTLP_HEADERS"),
    resource: [
      ["service.name", isNamed ? read.serviceName : (named ?? read.serviceName)],
      ...attributes.filter(([key]) => key !== "service.name"),
    ],
    sampler: samplerOf(read.sampler, read.samplerArgument, environment),
  };
}

/** The base URL is that of all signals. */
function withTracesPath(base: string): string {
  return base === "" ? "" : `${base.replace(/\/+$/, "")}/v1/traces`;
}

function samplerOf(name: string, argument: string, environment: Environment): SamplerSettings {
  const isChosen = (environment["OTEL_TRACES_SAMPLER"] ?? "").trim() !== "";
  const chosen = argument !== "" && !isChosen ? "parentbased_traceidratio" : name;
  const parentBased = chosen.startsWith("parentbased_");
  const kind = chosen.replace("parentbased_", "");
  if (kind === "traceidratio")
    return { parentBased, ratio: argument === "" ? 1 : Number(argument) };
  return { parentBased, ratio: kind === "always_on" ? 1 : 0 };
}

/** As in Baggage (W3C): pairs with commas, values percent-encoded. */
function pairsOf(text: string, variable: string): [string, string][] {
  const parts = text.split(",").filter((part) => part.trim() !== "");
  return parts.map((part) => {
    const [, key = "", value = ""] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(part) ?? [];
    if (key === "") throw pairError(part, variable);
    try {
      return [decodeURIComponent(key), decodeURIComponent(value.trim())];
    } catch {
      throw pairError(part, variable);
    }
  });
}

function pairError(part: string, variable: string): CommandError {
  return new CommandError(`invalid value ${goQuote(part)} for ${variable}: must be name=value`);
}

function urlFault(url: string): string | undefined {
  return url === "" || (/^https?:\/\/[^/]/i.test(url) && URL.canParse(url))
    ? undefined
    : "must be an absolute http(s) URL";
}
