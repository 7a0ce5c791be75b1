/** What the status page is told: everything but the requests, and those second by second. Pure. */
import type { CertificateDetails } from "../certificates/certificate-details.ts";
import type {
  ServiceDescription,
  ServiceDescriptions,
  TargetDescription,
} from "../socket/protocol.ts";
import type { ProcessStatus, ProxyEvent } from "../socket/status-protocol.ts";
import type { Figures } from "./traffic-record.ts";

export interface PageState {
  version: string;
  /** Milliseconds since 1970. */
  started_at_ms: number;
  services: PageService[];
  certificates: PageCertificate[];
  /** The oldest first. */
  events: readonly ProxyEvent[];
}

/** What has changed since; what is missing has not. */
export interface PageChange {
  /** As they are now, new ones among them. */
  services?: PageService[];
  /** Names of those that are gone. */
  removed?: string[];
  certificates?: PageCertificate[];
  /** New ones, and those of the same number that have ended. */
  events?: ProxyEvent[];
}

export interface PageService extends Pick<
  ServiceDescription,
  "hosts" | "paths" | "state" | "tls" | "rollout" | "degraded" | "held_requests" | "protected_by"
> {
  name: string;
  targets: PageTarget[];
}

export interface PageTarget extends Pick<
  TargetDescription,
  "target" | "group" | "read_only" | "state" | "last_error"
> {
  /** It gets no requests for a while, because it failed some. */
  ejected: boolean;
}

export type PageCertificate = Pick<
  CertificateDetails,
  "name" | "service" | "source" | "served_by" | "issuer" | "expires" | "renews" | "error"
>;

/** Once a second. */
export interface PageTick {
  /** Milliseconds since 1970. */
  at_ms: number;
  /** Of this second, as the figures of the history; null: there is none yet. */
  point: Figures | null;
  /** Of the last seconds. */
  all: Figures;
  /** Those with requests. */
  services: Record<string, Figures>;
  /** Only now and then. */
  processes?: ProcessStatus[];
}

export interface PageSources {
  version: string;
  startedMs: number;
  services: ServiceDescriptions;
  certificates: readonly CertificateDetails[];
  events: readonly ProxyEvent[];
}

export function pageState(sources: PageSources): PageState {
  const { version, startedMs, services, certificates, events } = sources;
  return {
    version,
    started_at_ms: startedMs,
    services: Object.entries(services)
      .map(([name, service]) => pageService(name, service))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    certificates: certificates.map(pageCertificate),
    events,
  };
}

function pageService(name: string, service: ServiceDescription): PageService {
  const { hosts, paths, state, tls, rollout, degraded, held_requests, protected_by } = service;
  const targets = service.target_details.map(
    ({ target, group, read_only, state: health, last_error, ejected_for_ms }): PageTarget => {
      const ejected = ejected_for_ms !== undefined;
      return { target, group, read_only, state: health, last_error, ejected };
    },
  );
  return {
    name,
    hosts,
    paths,
    state,
    tls,
    rollout,
    degraded,
    held_requests,
    protected_by,
    targets,
  };
}

function pageCertificate(details: CertificateDetails): PageCertificate {
  const { name, service, source, served_by, issuer, expires, renews, error } = details;
  return { name, service, source, served_by, issuer, expires, renews, error };
}
