/** The settings of the status page, which are among those of `run`. */
import { isIpAddress } from "../lib/ip-address.ts";
import { credentialFault } from "./credentials.ts";
import type { RunSettingTable } from "./environment.ts";
import { maxPort } from "./limits.ts";

export const statusSettings = {
  statusPort: {
    kind: "count",
    flag: "status-port",
    variables: ["KAMAL_PROXY_STATUS_PORT"],
    fallback: 0,
    fault: (port) => (port >= 0 && port <= maxPort ? undefined : `must be from 0 to ${maxPort}`),
    help: "Port of the status page, on this machine alone unless KAMAL_PROXY_STATUS_BIND says else (0: off)",
  },
  statusBind: {
    kind: "text",
    flag: null,
    variables: ["KAMAL_PROXY_STATUS_BIND"],
    fallback: "127.0.0.1",
    fault: (address) => (isIpAddress(address) ? undefined : `"${address}" is not an IP address`),
    help: "Address of the status page",
  },
  statusAuth: {
    kind: "list",
    flag: null,
    variables: ["KAMAL_PROXY_STATUS_AUTH"],
    fallback: [],
    secret: true,
    fault: credentialFault,
    help: "Who may see the status page, user:hash as hash-password prints it (not given: everybody)",
  },
  statusHosts: {
    kind: "list",
    flag: null,
    variables: ["KAMAL_PROXY_STATUS_HOSTS"],
    fallback: [],
    help: "Names by which the status page may be asked for, beside localhost and addresses",
  },
} as const satisfies RunSettingTable;
