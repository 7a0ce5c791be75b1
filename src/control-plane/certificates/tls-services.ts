/** Which service a server name belongs to: the one that has the name at the path `/`. */
import type { CertificateSource } from "./certificate-details.ts";
import { HostMap } from "../../config/host-map.ts";
import { servesRoot } from "../../config/inherited-tls.ts";
import type { ServiceOptions } from "../../config/options.ts";
import type { ServiceSnapshot } from "../../seam/snapshot.ts";

export class TlsServices {
  /** By host; null: the host is listed, but not at the root path. */
  readonly #services = new HostMap<ServiceSnapshot | null>();
  /** Those with TLS, by name. */
  readonly #withTls = new Map<string, ServiceSnapshot>();
  /** The service that stands in for clients without a server name. */
  readonly withoutName: ServiceSnapshot | null;

  constructor(services: readonly ServiceSnapshot[]) {
    for (const service of services) {
      const isRoot = servesRoot(service.options);
      for (const host of service.options.hosts) {
        if (isRoot) this.#services.set(host, service);
        else if (this.#services.get(host) === undefined) this.#services.set(host, null);
      }
    }
    for (const service of this.#services.values()) {
      if (service?.options.tlsEnabled) this.#withTls.set(service.name, service);
    }
    this.withoutName = firstByName([...this.all()].filter(hasHosts));
  }

  /** All hosts and wildcards that any service has, with TLS or without. */
  hosts(): Iterable<string> {
    return this.#services.hosts();
  }

  /** Null also when the service of the name has no TLS. */
  lookup(name: string): ServiceSnapshot | null {
    const service = this.#services.lookup(name);
    return service?.options.tlsEnabled ? service : null;
  }

  /** The service of that name, when it has TLS. */
  withTls(service: string): ServiceSnapshot | undefined {
    return this.#withTls.get(service);
  }

  /** Services with TLS. */
  all(): MapIterator<ServiceSnapshot> {
    return this.#withTls.values();
  }
}

export function sourceOf({ options }: ServiceSnapshot): CertificateSource {
  if (hasCertificateFiles(options)) return "file";
  return options.tlsOnDemandUrl === "" ? "acme" : "on-demand";
}

export function hasCertificateFiles(options: ServiceOptions): boolean {
  return options.tlsCertificatePath !== "" && options.tlsPrivateKeyPath !== "";
}

/**
 * Names that an authority can issue for: two labels or more, no address. Anything else would only
 * cost a refused order.
 */
export function isOrderable(name: string): boolean {
  if (name.length > 253 || !/^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/.test(name)) return false;
  return !/(^|\.)-|-(\.|$)/.test(name) && !/\.[0-9]+$/.test(name);
}

function hasHosts({ options }: ServiceSnapshot): boolean {
  return options.hosts.length > 0 && options.hosts[0] !== "";
}

/** By name, which redeploys and restarts don't change. */
function firstByName(services: readonly ServiceSnapshot[]): ServiceSnapshot | null {
  let first: ServiceSnapshot | null = null;
  for (const service of services) {
    if (first === null || service.name < first.name) first = service;
  }
  return first;
}
