/** Routes, certificates and processes. */
import type { ProcessStatus } from "../control-plane/socket/status-protocol.ts";
import type {
  PageCertificate,
  PageService,
  PageState,
} from "../control-plane/status/page-state.ts";
import { badge, byId, element, keepRows, setText } from "./dom.ts";
import { bytesText, percentText, untilText } from "./format.ts";

const soonMs = 14 * 86_400_000;

export function showRoutes({ services }: PageState): void {
  const routes = services.flatMap(routesOf);
  // Of one host the longest path is looked for first.
  routes.sort((a, b) =>
    a.host < b.host ? -1 : a.host > b.host ? 1 : b.path.length - a.path.length,
  );
  setText(byId("routes-count"), routes.length === 0 ? "" : String(routes.length));
  keepRows(
    byId("routes"),
    routes,
    ({ host, path, service }) => `${host} ${path} ${service}`,
    ({ host, path, service, tls }) => [host || "any", path, service, tls ? "yes" : "no"],
  );
}

interface Route {
  host: string;
  path: string;
  service: string;
  tls: boolean;
}

function routesOf({ name, hosts, paths, tls }: PageService): Route[] {
  return hosts.flatMap((host) => paths.map((path) => ({ host, path, service: name, tls })));
}

export function showCertificates({ certificates }: PageState, nowMs: number): void {
  byId("certificates").closest("section")!.hidden = certificates.length === 0;
  setText(byId("certificates-count"), String(certificates.length));
  keepRows(
    byId("certificates"),
    certificates,
    ({ name, service }) => `${name} ${service}`,
    (certificate) => [
      certificate.name,
      certificateState(certificate, nowMs),
      certificate.expires === null ? "–" : dateText(certificate.expires, nowMs),
      certificate.renews === null ? "–" : dateText(certificate.renews, nowMs),
      certificate.issuer ?? "–",
    ],
  );
}

function certificateState({ expires, error, source }: PageCertificate, nowMs: number): Node {
  const leftMs = expires === null ? null : Date.parse(expires) - nowMs;
  if (leftMs !== null && leftMs < 0) return badge("bad", "expired");
  if (error !== null) {
    const failed = badge(
      leftMs === null ? "bad" : "warn",
      leftMs === null ? "missing" : "not renewed",
    );
    return element("span", {}, failed, ` ${error}`);
  }
  if (leftMs === null) return badge("running", "not there yet");
  if (leftMs < soonMs) return badge("warn", "ends soon");
  return badge("good", source === "file" ? "from files" : source === "acme" ? "automatic" : source);
}

function dateText(date: string, nowMs: number): Node {
  const at = new Date(date);
  const text = untilText(at.getTime() - nowMs);
  return element("time", { datetime: date, title: at.toLocaleString() }, text);
}

/** Share of a processor since the last look, by process. */
const lastLook = new Map<number, { atMs: number; cpuSeconds: number }>();

export function showProcesses(processes: readonly ProcessStatus[], nowMs: number): void {
  setText(byId("processes-count"), String(processes.length));
  const shares = new Map(processes.map((each) => [each.pid, cpuShare(each, nowMs)]));
  keepRows(
    byId("processes"),
    processes,
    ({ worker }) => `${worker}`,
    ({ worker, pid, state, restarts, memory_bytes }) => {
      const share = shares.get(pid);
      return [
        worker === null ? "primary" : `worker ${worker}`,
        badge(state === "serving" ? "good" : "warn", state),
        String(pid),
        share === undefined ? "–" : percentText(share),
        bytesText(memory_bytes),
        String(restarts),
      ];
    },
    [2, 3, 4, 5],
  );
}

function cpuShare(
  { pid, cpu_seconds: cpuSeconds }: ProcessStatus,
  atMs: number,
): number | undefined {
  const before = lastLook.get(pid);
  lastLook.set(pid, { atMs, cpuSeconds });
  if (before === undefined || atMs <= before.atMs) return undefined;
  return ((cpuSeconds - before.cpuSeconds) * 1_000) / (atMs - before.atMs);
}
