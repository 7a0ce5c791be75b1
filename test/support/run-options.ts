/** Options of `run` for planes within a test. */
import { join } from "node:path";
import { clientLimits } from "../../src/config/defaults.ts";
import type { RunOptions } from "../../src/config/run-options.ts";
import { acmeSettings } from "./acme-settings.ts";
import { noTracing } from "./tracing-settings.ts";

/** Ports are chosen by the system; everything that is kept is in `folder`. */
export function runOptions(folder: string): RunOptions {
  return {
    debug: false,
    bind: "127.0.0.1",
    httpPort: 0,
    httpsPort: 0,
    metricsPort: 0,
    statusPort: 0,
    statusBind: "127.0.0.1",
    statusAuth: [],
    statusHosts: [],
    http3: false,
    socketPath: join(folder, "sock"),
    settingsFolder: "/nowhere",
    appSettings: false,
    publishesHealth: false,
    dataPath: folder,
    limits: clientLimits,
    bufferMemoryTotalBytes: 1 << 20,
    usableMemoryBytes: 2 ** 40,
    targetRetryMs: 0,
    trustedProxies: ["127.0.0.0/8"],
    proxyProtocol: false,
    maxConnectionsPerIp: 0,
    minTlsVersion: "1.2",
    errorCodes: true,
    certificateStore: null,
    workers: 0,
    oneProcess: true,
    imageVersion: "",
    finishTimeoutMs: 3_600_000,
    tracing: noTracing(),
    acme: acmeSettings(),
  };
}
