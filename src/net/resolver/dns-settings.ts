/** How names are looked up on this machine: resolv.conf(5). */
import { hostname } from "node:os";
import { maxNameServers, maxSearchDomains } from "../../config/limits.ts";
import { isZonedIpAddress } from "../../lib/ip-address.ts";
import { linesOf, WatchedFile } from "./watched-file.ts";

export interface DnsSettings {
  /** As `node:dns` takes them: an address, or `address:port` with brackets around IPv6. */
  servers: string[];
  /** Domains in which names with few dots are looked for. */
  search: string[];
  /** A name with so many dots is looked up as it is first. */
  ndots: number;
  /** For one question to one server. */
  timeoutMs: number;
  /** How often all servers are asked. */
  attempts: number;
}

/** Gives the settings as they are now. */
export type DnsSettingsSource = () => DnsSettings;

export function systemDnsSettings(path = "/etc/resolv.conf"): DnsSettingsSource {
  const file = new WatchedFile(path, parseDnsSettings);
  return () => file.value;
}

/** Defaults and the largest values are those of the C library. */
export function parseDnsSettings(text: string): DnsSettings {
  const settings: DnsSettings = {
    servers: [],
    search: domainOf(hostname()),
    ndots: 1,
    timeoutMs: 5_000,
    attempts: 2,
  };
  for (const [keyword, ...values] of linesOf(text, /[#;].*/)) {
    if (keyword === "nameserver" && isZonedIpAddress(values[0] ?? ""))
      settings.servers.push(values[0]!);
    else if (keyword === "domain" && values[0] !== undefined)
      settings.search = domains(values.slice(0, 1));
    else if (keyword === "search") settings.search = domains(values);
    else if (keyword === "options") for (const option of values) applyOption(settings, option);
  }
  settings.servers = settings.servers.slice(0, maxNameServers);
  if (settings.servers.length === 0) settings.servers = ["127.0.0.1", "::1"];
  return settings;
}

function applyOption(settings: DnsSettings, option: string): void {
  const [name, text = ""] = option.split(":");
  if (!/^\d+$/.test(text)) return;
  const value = Number(text);
  if (name === "ndots") settings.ndots = Math.min(value, 15);
  else if (name === "timeout") settings.timeoutMs = Math.min(Math.max(value, 1), 30) * 1_000;
  else if (name === "attempts") settings.attempts = Math.min(Math.max(value, 1), 5);
}

function domains(values: string[]): string[] {
  return values
    .map((value) => value.replace(/\.$/, ""))
    .filter((value) => value !== "")
    .slice(0, maxSearchDomains);
}

/** Without `search` and `domain`: whatever follows the machine's own name. */
function domainOf(name: string): string[] {
  const dot = name.indexOf(".");
  return dot < 0 ? [] : domains([name.slice(dot + 1)]);
}
