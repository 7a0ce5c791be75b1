/** What `run` takes from its flags and environment. */
import type { AcmeSettings } from "./acme-settings.ts";
import type { SharedStoreSettings } from "./shared-store-settings.ts";
import type { TracingSettings } from "./tracing-settings.ts";
import type { ClientLimits } from "./defaults.ts";
import type { runSettings } from "./run-settings.ts";
import type { ValuesOf } from "./setting.ts";

export interface RunOptions {
  debug: boolean;
  /** Address to listen on; empty: all, IPv4 and IPv6. */
  bind: string;
  httpPort: number;
  httpsPort: number;
  /** 0: off. */
  metricsPort: number;
  /** 0: off. */
  statusPort: number;
  statusBind: string;
  /** `user:hash`; empty: everybody may see it. */
  statusAuth: string[];
  statusHosts: string[];
  http3: boolean;
  socketPath: string;
  /** Folder of the state file. */
  dataPath: string;
  /** Folder of the files of settings; undefined: there are none. */
  settingsFolder: string | undefined;
  /** Apps may have settings of their own. */
  appSettings: boolean;
  /** The proxy itself tells on the http port how it is. */
  publishesHealth: boolean;
  limits: ClientLimits;
  /** Memory of all buffered bodies together; beyond it they go to disk. */
  bufferMemoryTotalBytes: number;
  /** Of the machine, or of the control group that this runs in. */
  usableMemoryBytes: number;
  /** How long a request is held while its targets refuse connections; 0: not at all. */
  targetRetryMs: number;
  /** CIDR blocks whose forwarding fields and PROXY headers are believed; null: kamal-proxy's rule. */
  trustedProxies: string[] | null;
  /** A PROXY protocol header (v1 or v2) is expected from trusted addresses. */
  proxyProtocol: boolean;
  /** Of one address, of IPv6 of one /64; 0: no limit. */
  maxConnectionsPerIp: number;
  minTlsVersion: MinTlsVersion;
  /** Answers of the proxy's own name the code of the failure. */
  errorCodes: boolean;
  /** Processes that serve. */
  workers: number;
  /** How long connections live on in workers that were replaced. */
  finishTimeoutMs: number;
  /** No workers: everything in one process. */
  oneProcess: boolean;
  /** Of the container image that this runs in; empty: not known. */
  imageVersion: string;
  tracing: TracingSettings;
  acme: AcmeSettings;
  /** Null: certificates are in folders of this machine. */
  certificateStore: SharedStoreSettings | null;
}

export type MinTlsVersion = ValuesOf<typeof runSettings>["minTlsVersion"];
