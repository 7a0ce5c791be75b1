/** A proxy that serves `localhost` over every protocol. */
import { join } from "node:path";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { ProxyProcess, type ProxyProcessOptions } from "../support/proxy-process.ts";
import type { Carrier } from "./carrier.ts";
import { plainHttp1, tlsHttp1 } from "./http1-carrier.ts";
import { http2 } from "./http2-carrier.ts";
import { http3, untilHttp3Serves } from "./http3-carrier.ts";

export const carriers = [plainHttp1, tlsHttp1, http2, http3];

export interface SiteOptions extends ProxyProcessOptions {
  /** Of the certificate and the service. */
  names?: string[];
  /** Of the service. */
  flags?: string[];
}

/** With the app at that address as the service `web`. */
export async function startSite(address: string, options: SiteOptions = {}): Promise<ProxyProcess> {
  const { names = ["localhost"], flags = [], args = [], ...others } = options;
  const proxy = await ProxyProcess.start({ ...others, args: ["--http3", ...args] });
  await proxy.deploy("web", address, ...flagsOfSite(proxy, names), ...flags);
  await untilHttp3Serves(proxy.httpsPort);
  return proxy;
}

/** Of a service that is served in the clear and, with a new certificate, over TLS. */
export function flagsOfSite(proxy: ProxyProcess, names = ["localhost"]): string[] {
  const certificate = saveCertificate(join(proxy.home, "app"), createCertificate(names));
  return [...names.map((name) => `--host=${name}`), "--tls-redirect=false", ...certificate];
}

/** Another service, below the path of its name; the app sees the whole path. */
export async function deployBelow(
  proxy: ProxyProcess,
  name: string,
  address: string,
  ...flags: string[]
): Promise<void> {
  const place = ["--host=localhost", `--path-prefix=/${name}`, "--strip-path-prefix=false"];
  await proxy.deploy(name, address, ...place, ...flags);
}

export function portOf(proxy: ProxyProcess, { scheme }: Carrier): number {
  return scheme === "http" ? proxy.httpPort : proxy.httpsPort;
}
