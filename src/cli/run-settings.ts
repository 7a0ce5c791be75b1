/** The settings of `run` that are no flags of kamal-proxy: limits and trusted proxies. */
import {
  bufferMemoryTotalBytes,
  clientLimits,
  type ClientLimits,
  targetRetryMs,
} from "../config/defaults.ts";
import type { Environment } from "../config/paths.ts";
import type { MinTlsVersion } from "../config/run-options.ts";
import { CidrError, CidrList } from "../lib/cidr.ts";
import { formatDuration, parseDuration } from "../go/duration.ts";
import { type Parsed, parseGoInteger } from "../go/number.ts";
import { strictSetting } from "./environment.ts";
import { parseList } from "./flags/flag-value.ts";
import { columns } from "./help.ts";

interface LimitSetting {
  variable: string;
  description: string;
  default: string;
}

const durationLimits = {
  headerTimeoutMs: ["KAMAL_PROXY_HEADER_TIMEOUT", "Time that a client has to send a request head"],
  idleTimeoutMs: ["KAMAL_PROXY_IDLE_TIMEOUT", "Time that a connection may wait for a request"],
  stallTimeoutMs: [
    "KAMAL_PROXY_STALL_TIMEOUT",
    "Time that a client may neither send nor read anything of a body",
  ],
} as const;
const headerBytesVariable = "KAMAL_PROXY_MAX_HEADER_BYTES";
const memoryVariable = "KAMAL_PROXY_BUFFER_MEMORY_TOTAL";
const retryVariable = "KAMAL_PROXY_TARGET_RETRY";

export function readClientLimits(environment: Environment): ClientLimits {
  const read = (key: keyof typeof durationLimits): number =>
    strictSetting(environment, durationLimits[key][0], positiveDuration) ?? clientLimits[key];
  return {
    headerTimeoutMs: read("headerTimeoutMs"),
    idleTimeoutMs: read("idleTimeoutMs"),
    stallTimeoutMs: read("stallTimeoutMs"),
    maxHeaderBytes:
      strictSetting(environment, headerBytesVariable, (text) => integerFrom(1, text)) ??
      clientLimits.maxHeaderBytes,
  };
}

export function readBufferMemoryTotal(environment: Environment): number {
  const given = strictSetting(environment, memoryVariable, (text) => integerFrom(0, text));
  return given ?? bufferMemoryTotalBytes;
}

export function readTargetRetry(environment: Environment): number {
  return strictSetting(environment, retryVariable, durationFromZero) ?? targetRetryMs;
}

/** A CSV list of addresses and CIDR blocks. */
export function parseAddressBlocks(text: string): Parsed<string[]> {
  const list = parseList(text);
  if ("error" in list) return list;
  const blocks = list.value.map((block) => block.trim());
  const fault = addressBlockFault(blocks);
  return fault === undefined ? { value: blocks } : { error: fault };
}

export function readMinTlsVersion(environment: Environment): MinTlsVersion {
  return strictSetting(environment, "KAMAL_PROXY_TLS_MIN_VERSION", tlsVersion) ?? "1.2";
}

export function addressBlockFault(blocks: readonly string[]): string | undefined {
  const list = CidrList.parse(blocks);
  return list instanceof CidrError ? list.message : undefined;
}

/** For the help of `run`. */
export function limitNotes(): string {
  const rows = limitSettings().map(({ variable, description, default: value }) => {
    return [variable, `${description} (default ${value})`] as const;
  });
  return `Environment variables without a flag:\n${columns([...rows, ...otherSettings])}`;
}

function limitSettings(): LimitSetting[] {
  const durations = Object.entries(durationLimits).map(([key, [variable, description]]) => ({
    variable,
    description,
    default: formatDuration(clientLimits[key as keyof typeof durationLimits]),
  }));
  return [
    ...durations,
    {
      variable: headerBytesVariable,
      description: "Bytes that a request head may have",
      default: String(clientLimits.maxHeaderBytes),
    },
    {
      variable: memoryVariable,
      description: "Bytes of memory for all buffered bodies together",
      default: String(bufferMemoryTotalBytes),
    },
    {
      variable: retryVariable,
      description: "Time that a request waits while its targets refuse connections",
      default: formatDuration(targetRetryMs),
    },
  ];
}

const otherSettings: readonly (readonly [variable: string, description: string])[] = [
  ["KAMAL_PROXY_TLS_MIN_VERSION", "Oldest TLS version that is accepted, 1.2 or 1.3 (default 1.2)"],
  [
    "KAMAL_PROXY_ACME_DIRECTORY",
    "Directory URL of the certificate authority (default Let's Encrypt)",
  ],
  ["KAMAL_PROXY_ACME_CA_FILE", "PEM file with the authorities to trust for the directory"],
  ["KAMAL_PROXY_ACME_EMAIL", "Contact address of the ACME account"],
  ["KAMAL_PROXY_ACME_EAB_KID", "Key identifier of the external account binding"],
  ["KAMAL_PROXY_ACME_EAB_HMAC_KEY", "Key of the external account binding, base64url"],
];

function tlsVersion(text: string): Parsed<MinTlsVersion> {
  return text === "1.2" || text === "1.3" ? { value: text } : { error: "must be 1.2 or 1.3" };
}

function positiveDuration(text: string): Parsed<number> {
  const parsed = parseDuration(text);
  if ("error" in parsed) return parsed;
  return parsed.ms > 0 ? { value: parsed.ms } : { error: "must be greater than 0s" };
}

function durationFromZero(text: string): Parsed<number> {
  const parsed = parseDuration(text);
  if ("error" in parsed) return parsed;
  return parsed.ms >= 0 ? { value: parsed.ms } : { error: "must not be negative" };
}

function integerFrom(least: number, text: string): Parsed<number> {
  const parsed = parseGoInteger(text);
  if ("error" in parsed || parsed.value >= least) return parsed;
  return { error: `must be at least ${least}` };
}
