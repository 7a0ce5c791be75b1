/** The settings that say who may use a service, and how much; part of the settings of a service. */
import { addressEntryFault } from "./address-entries.ts";
import type { SettingTable } from "./setting.ts";

export const accessSettings = {
  allowIps: {
    kind: "list",
    flag: "allow-ip",
    stateKey: "allow_ips",
    own: true,
    protects: true,
    fallback: [],
    fault: addressEntryFault,
    help: "Address or CIDR block that alone may use the service, or @FILE of them (repeatable)",
  },
  denyIps: {
    kind: "list",
    flag: "deny-ip",
    stateKey: "deny_ips",
    own: true,
    protects: true,
    fallback: [],
    fault: addressEntryFault,
    help: "Address or CIDR block that may not use the service, or @FILE of them (repeatable)",
  },
} as const satisfies SettingTable;
