/** One request followed through the phases: who would answer, and why. */
import type {
  ServiceDescription,
  ServiceDescriptions,
} from "../../control-plane/socket/protocol.ts";
import { HostMap } from "../../config/host-map.ts";
import { suggestionsFor } from "../suggestions.ts";
import {
  type Facts,
  failure,
  type Finding,
  note,
  ok,
  type Outcome,
  ownAddress,
  timeOf,
} from "./check.ts";

type Routed = readonly [name: string, service: ServiceDescription];

export async function traceRequest(
  url: URL,
  all: ServiceDescriptions,
  facts: Omit<Facts, "services">,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const found = (check: string, outcome: Outcome): void =>
    void findings.push({ check, ...outcome });
  const host = url.hostname.replace(/\.$/, "");
  const routed = routeOf(host, url.pathname, all);
  if (routed === null) {
    found("route", missingRoute(host, url.pathname, all));
    return findings;
  }
  const [name, service] = routed;
  found("route", ok(url.href, `belongs to service ${name}`));
  const { state, held_requests: held } = service;
  if (state === "stopped") {
    const since = sinceText(name, "Stopped", facts);
    found(
      "admission",
      failure(name, `503: the service is stopped${since}`, `kamal-proxy resume ${name}`),
    );
    return findings;
  }
  // Asked now, it would be held.
  if (state === "paused") {
    found(
      "admission",
      failure(
        name,
        `the service is paused${sinceText(name, "Paused", facts)}, ${held} requests wait`,
        `kamal-proxy resume ${name}`,
      ),
    );
    return findings;
  }
  found("admission", ok(name, "is running"));
  const active = service.target_details.filter(({ group }) => group === "active");
  const healthy = active.filter((target) => target.state === "healthy");
  const names = healthy.map(({ target }) => target).join(", ");
  found(
    "target",
    healthy.length > 0
      ? ok(name, `one of ${names}`)
      : failure(name, "503: no target is healthy", `kamal-proxy doctor ${name}`),
  );
  found(
    "answer",
    url.protocol === "https:" && !service.tls ? noTls(name) : await answerOf(url, facts),
  );
  return findings;
}

function noTls(service: string): Outcome {
  return failure(
    service,
    "is deployed without TLS: a handshake for this host fails",
    "deploy it with --tls, or ask for http: where something in front ends TLS that is what it asks for",
  );
}

/** As far as the proxy remembers what has happened. */
function sinceText(service: string, text: string, { status }: Omit<Facts, "services">): string {
  const event = status.events.findLast((each) => each.service === service && each.text === text);
  return event === undefined ? "" : ` since ${timeOf(event.at_ms)}`;
}

async function answerOf(url: URL, { status, probes }: Omit<Facts, "services">): Promise<Outcome> {
  const scheme = url.protocol === "https:" ? "https" : "http";
  const port = scheme === "https" ? status.https_port : status.http_port;
  const place = { address: ownAddress(status), port };
  const path = url.pathname + url.search;
  const answer = await probes.get(place, { scheme, host: url.hostname, path });
  if (answer.kind === "fault") {
    return failure(url.href, answer.reason, "see `certificate` and `worker` of kamal-proxy doctor");
  }
  const { status: code, errorCode, location } = answer;
  if (errorCode !== null) {
    const where = "see Error codes in docs/troubleshooting.md";
    return failure(url.href, `${code} of the proxy: ${errorCode}`, where);
  }
  if (location !== null) return note(url.href, `${code} to ${location}`);
  return code >= 500
    ? failure(url.href, `${code} of the app`, "see the log of the app")
    : ok(url.href, `${code} of the app`);
}

/** By the proxy's rule: host, wildcard, any host; there the longest path. */
function routeOf(host: string, path: string, all: ServiceDescriptions): Routed | null {
  const hosts = new HostMap<Routed[]>();
  for (const routed of Object.entries(all)) {
    for (const each of routed[1].hosts.length === 0 ? [""] : routed[1].hosts) {
      const others = hosts.get(each);
      if (others === undefined) hosts.set(each, [routed]);
      else others.push(routed);
    }
  }
  let best: Routed | null = null;
  let bestLength = 0;
  for (const routed of hosts.lookup(host) ?? []) {
    for (const prefix of routed[1].paths) {
      if (prefix.length > bestLength && isBelow(path, prefix)) {
        best = routed;
        bestLength = prefix.length;
      }
    }
  }
  return best;
}

function isBelow(path: string, prefix: string): boolean {
  return prefix === "/" || path === prefix || path.startsWith(`${prefix}/`);
}

function missingRoute(host: string, path: string, all: ServiceDescriptions): Outcome {
  const hosts = [...new Set(Object.values(all).flatMap((service) => service.hosts))];
  if (hosts.includes(host)) {
    return failure(
      `${host}${path}`,
      "404: no service of this host has this path",
      "see Path in kamal-proxy list",
    );
  }
  const similar = suggestionsFor(
    host,
    hosts.filter((each) => each !== ""),
  );
  const hint = similar.length === 0 ? "" : `; similar: ${similar.join(", ")}`;
  return failure(host, `404: no service has this host${hint}`, "deploy one with --host");
}
