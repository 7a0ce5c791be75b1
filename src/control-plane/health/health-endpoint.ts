/** Where and how a target is asked for its health. */
import type { HealthCheckOptions } from "../../config/options.ts";
import type { TargetAddress } from "../../config/target-address.ts";

export interface HealthEndpoint {
  protocol: HealthCheckOptions["protocol"];
  secure: boolean;
  host: string;
  port: number;
  /** Path and query, escaped. */
  path: string;
  /** The Host field. */
  hostField: string;
  /** For logs. */
  url: string;
}

export type Redirection = { endpoint: HealthEndpoint } | { error: string };

export function healthEndpoint(target: TargetAddress, options: HealthCheckOptions): HealthEndpoint {
  const ownPort = options.port > 0;
  const authority = ownPort ? `${target.host}:${options.port}` : target.address;
  const path = escapePath(options.path);
  return {
    protocol: options.protocol,
    secure: false,
    host: target.host,
    port: ownPort ? options.port : target.port,
    path,
    hostField: options.host === "" ? authority : options.host,
    url: `http://${authority}${path}`,
  };
}

export function redirectedEndpoint(from: HealthEndpoint, location: string): Redirection {
  const absolute = /^(?:[A-Za-z][A-Za-z0-9+.-]*:|\/\/)/.test(location);
  let url: URL;
  try {
    // The host of a relative location is ours: it need not be one that URL accepts.
    const base = `${from.secure ? "https" : "http"}://relative.invalid${from.path}`;
    url = new URL(location, base);
  } catch {
    return { error: "redirected to an invalid location" };
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return { error: `redirected to unsupported scheme "${url.protocol.slice(0, -1)}"` };
  }
  const path = `${url.pathname}${url.search}`;
  if (!absolute) {
    const origin = /^https?:\/\/[^/]*/.exec(from.url)![0];
    return { endpoint: { ...from, path, url: origin + path } };
  }
  const secure = url.protocol === "https:";
  return {
    endpoint: {
      protocol: from.protocol,
      secure,
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
      path,
      hostField: url.host,
      url: url.href,
    },
  };
}

/** The configured text is a path alone, so a question mark in it is escaped too. */
function escapePath(path: string): string {
  const rooted = path.startsWith("/") ? path : `/${path}`;
  return rooted
    .toWellFormed()
    .replace(/%(?![0-9A-Fa-f]{2})/g, "%25")
    .replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/gu, encodeURIComponent);
}
