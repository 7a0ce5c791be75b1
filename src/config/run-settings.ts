/**
 * The settings of `run`, each written once: its flag, its variables, its help and what it may be are read
 * from these tables. Rows without a flag are in the order in which the help shows their variables.
 */
import { CidrFault, CidrList } from "../lib/cidr.ts";
import { isIpAddress } from "../lib/ip-address.ts";
import {
  clientLimits,
  maxBufferMemoryTotalBytes,
  targetRetryMs,
  finishTimeoutMs,
} from "./defaults.ts";
import { maxConnectionsPerClient } from "./access-limits.ts";
import { maxPort } from "./limits.ts";
import { emptyTimeFault, negativeFault } from "./setting.ts";
import { statusSettings } from "./status-settings.ts";
import { maxWorkers } from "./worker-limits.ts";
import type { RunSettingTable } from "./environment.ts";

export const runSettings = {
  debug: {
    kind: "switch",
    flag: "debug",
    variables: ["KAMAL_PROXY_DEBUG", "DEBUG"],
    lenient: true,
    fallback: false,
    help: "Log more",
  },
  bind: {
    kind: "text",
    flag: "bind",
    variables: ["KAMAL_PROXY_BIND"],
    fallback: "",
    fault: (address) =>
      address === "" || isIpAddress(address) ? undefined : `"${address}" is not an IP address`,
    help: "Address to listen on for all of these ports (not given: all, IPv4 and IPv6)",
  },
  httpPort: {
    kind: "count",
    flag: "http-port",
    variables: ["KAMAL_PROXY_HTTP_PORT", "HTTP_PORT"],
    lenient: true,
    fallback: 80,
    help: "Port of plain HTTP",
  },
  httpsPort: {
    kind: "count",
    flag: "https-port",
    variables: ["KAMAL_PROXY_HTTPS_PORT", "HTTPS_PORT"],
    lenient: true,
    fallback: 443,
    help: "Port of HTTPS",
  },
  metricsPort: {
    kind: "count",
    flag: "metrics-port",
    variables: ["KAMAL_PROXY_METRICS_PORT", "METRICS_PORT"],
    lenient: true,
    fallback: 0,
    help: "Port of the metrics (0: off)",
  },
  ...statusSettings,
  http3: {
    kind: "switch",
    flag: "http3",
    variables: ["KAMAL_PROXY_HTTP3", "HTTP3"],
    lenient: true,
    fallback: false,
    help: "Serve HTTP/3 on the HTTPS port as well",
  },
  trustedProxies: {
    kind: "list",
    flag: "trusted-proxies",
    variables: ["KAMAL_PROXY_TRUSTED_PROXIES"],
    fallback: [],
    fault: addressBlockFault,
    help: "Address or CIDR block whose forwarding headers are believed (repeatable)",
  },
  proxyProtocol: {
    kind: "switch",
    flag: "proxy-protocol",
    variables: ["KAMAL_PROXY_PROXY_PROTOCOL"],
    fallback: false,
    help: "Expect a PROXY protocol header from the trusted proxies",
  },
  maxConnectionsPerIp: {
    kind: "count",
    flag: "max-connections-per-ip",
    variables: ["KAMAL_PROXY_MAX_CONNECTIONS_PER_IP"],
    fallback: 0,
    fault: (count) =>
      count >= 0 && count <= maxConnectionsPerClient
        ? undefined
        : `must be from 0 to ${maxConnectionsPerClient}`,
    help: "Connections that one client may have open at once (0: no limit)",
  },
  headerTimeoutMs: {
    kind: "duration",
    flag: null,
    variables: ["KAMAL_PROXY_HEADER_TIMEOUT"],
    fallback: clientLimits.headerTimeoutMs,
    fault: emptyTimeFault,
    help: "Time that a client has to send a request head",
  },
  idleTimeoutMs: {
    kind: "duration",
    flag: null,
    variables: ["KAMAL_PROXY_IDLE_TIMEOUT"],
    fallback: clientLimits.idleTimeoutMs,
    fault: emptyTimeFault,
    help: "Time that a connection may wait for a request",
  },
  stallTimeoutMs: {
    kind: "duration",
    flag: null,
    variables: ["KAMAL_PROXY_STALL_TIMEOUT"],
    fallback: clientLimits.stallTimeoutMs,
    fault: emptyTimeFault,
    help: "Time that a client may neither send nor read anything of a body",
  },
  maxHeaderBytes: {
    kind: "bytes",
    flag: null,
    variables: ["KAMAL_PROXY_MAX_HEADER_BYTES"],
    fallback: clientLimits.maxHeaderBytes,
    fault: (bytes) => (bytes < 1 ? "must be at least 1" : undefined),
    help: "Bytes that a request head may have",
  },
  bufferMemoryTotalBytes: {
    kind: "bytes",
    flag: null,
    variables: ["KAMAL_PROXY_BUFFER_MEMORY_TOTAL"],
    fallback: maxBufferMemoryTotalBytes,
    fault: (bytes) => (bytes < 0 ? "must be at least 0" : undefined),
    help: "Bytes of memory for all buffered bodies together; an eighth of less than 2 GB",
  },
  targetRetryMs: {
    kind: "duration",
    flag: null,
    variables: ["KAMAL_PROXY_TARGET_RETRY"],
    fallback: targetRetryMs,
    fault: negativeFault,
    help: "Time that a request waits while its targets refuse connections",
  },
  workers: {
    kind: "count",
    flag: null,
    variables: ["KAMAL_PROXY_WORKERS"],
    fallback: maxWorkers,
    fault: (count) =>
      count >= 1 && count <= maxWorkers ? undefined : `must be from 1 to ${maxWorkers}`,
    help: "Processes that serve; unless it is set no more than the cores that may be used",
  },
  finishTimeoutMs: {
    kind: "duration",
    flag: null,
    variables: ["KAMAL_PROXY_FINISH_TIMEOUT"],
    fallback: finishTimeoutMs,
    fault: emptyTimeFault,
    help: "Time that tunnels and downloads have in the processes that an upgrade replaces",
  },
  oneProcess: {
    kind: "switch",
    flag: null,
    variables: ["KAMAL_PROXY_ONE_PROCESS"],
    fallback: false,
    help: "Serve in the one process that takes commands, as where workers are not possible",
  },
  imageVersion: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_IMAGE_VERSION"],
    fallback: "",
    help: "Version of the container image, which sets it: the log tells when another one runs in it",
  },
  errorCodes: {
    kind: "switch",
    flag: null,
    variables: ["KAMAL_PROXY_ERROR_CODES"],
    fallback: true,
    help: "Name the reason in X-Kamal-Proxy-Error of the proxy's own answers",
  },
  publishesHealth: {
    kind: "switch",
    flag: null,
    variables: ["KAMAL_PROXY_PUBLISH_HEALTH"],
    fallback: false,
    help: "Answer /.kamal-proxy/health on the HTTP port, whatever the host",
  },
  appSettings: {
    kind: "switch",
    flag: null,
    variables: ["KAMAL_PROXY_APP_SETTINGS"],
    fallback: false,
    help: "Ask new versions of apps for settings of their own",
  },
  minTlsVersion: {
    kind: "choice",
    flag: null,
    variables: ["KAMAL_PROXY_TLS_MIN_VERSION"],
    words: ["1.2", "1.3"],
    fallback: "1.2",
    help: "Oldest TLS version that is accepted, 1.2 or 1.3",
  },
} as const satisfies RunSettingTable;

/** How the proxy talks to certificate authorities. */
export const authoritySettings = {
  directory: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_ACME_DIRECTORY"],
    fallback: "",
    fault: (list) =>
      list === "" || list.split(",").every((url) => /^https?:\/\/[^/]/i.test(url.trim()))
        ? undefined
        : "must be an absolute http(s) URL, or several with commas",
    help: "Directory URLs of certificate authorities, in order (default Let's Encrypt)",
  },
  caFile: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_ACME_CA_FILE"],
    fallback: "",
    file: true,
    help: "PEM file with the authorities to trust for the directory",
  },
  email: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_ACME_EMAIL"],
    fallback: "",
    help: "Contact address of the ACME account",
  },
  keyId: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_ACME_EAB_KID"],
    fallback: "",
    help: "Key identifier of the external account binding",
  },
  hmacKey: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_ACME_EAB_HMAC_KEY"],
    fallback: "",
    help: "Key of the external account binding, base64url",
  },
  profile: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_ACME_PROFILE"],
    fallback: "",
    help: "Profile of the certificates, such as shortlived, as the authority offers it",
  },
  dns: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_ACME_DNS"],
    fallback: "",
    help: "DNS provider for DNS-01 and wildcards, or ZONE=PROVIDER,… by zone",
  },
  dnsResolvers: {
    kind: "list",
    flag: null,
    variables: ["KAMAL_PROXY_ACME_DNS_RESOLVERS"],
    fallback: [],
    fault: (server) =>
      isNameServer(server) ? undefined : "must be addresses, each with or without a port",
    help: "Name servers that are asked for challenges and addresses instead of the zone's and the machine's own",
  },
  preflight: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_ACME_PREFLIGHT"],
    fallback: "on",
    fault: (text) =>
      text === "on" ||
      text === "off" ||
      (/^[0-9]{1,5}$/.test(text) && +text > 0 && +text <= maxPort)
        ? undefined
        : `must be on, off, or the port from 1 to ${maxPort} to which the authority comes`,
    help: "Whether it is looked before an order if port 80 leads here: on, off, or another port",
  },
} as const satisfies RunSettingTable;

/** A store of certificates that several proxies share. */
export const certificateStoreSettings = {
  storeUrl: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_CERTIFICATE_STORE"],
    fallback: "",
    fault: (url) =>
      url === "" || isRedisUrl(url)
        ? undefined
        : "must be redis://… or rediss://…, with nothing but the number of a database as its path",
    help: "Redis that several proxies keep their certificates in",
  },
  storeKey: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_CERTIFICATE_STORE_KEY"],
    fallback: "",
    help: "Key that it is encrypted by: 32 bytes in base64, or plain",
  },
  storeCaFile: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_CERTIFICATE_STORE_CA_FILE"],
    fallback: "",
    file: true,
    help: "PEM file with the authorities to trust for that server",
  },
  storePrefix: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_CERTIFICATE_STORE_PREFIX"],
    fallback: "kamal-proxy:",
    help: "What the names of its keys begin with",
  },
} as const satisfies RunSettingTable;

function addressBlockFault(block: string): string | undefined {
  const list = CidrList.parse([block]);
  return list instanceof CidrFault ? list.message : undefined;
}

/** `address`, `address:port` or `[address]:port`. */
function isNameServer(text: string): boolean {
  if (isIpAddress(text)) return true;
  const [, address = "", port] = /^(.*):([0-9]{1,5})$/.exec(text) ?? [];
  return isIpAddress(address.replace(/^\[(.*:.*)\]$/, "$1")) && +port! > 0 && +port! <= maxPort;
}

function isRedisUrl(text: string): boolean {
  if (!/^rediss?:\/\/[^/]/i.test(text) || !URL.canParse(text)) return false;
  return /^(?:\/[0-9]*)?$/.test(new URL(text).pathname);
}
