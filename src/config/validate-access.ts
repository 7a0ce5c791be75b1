/** What the settings of access must fulfil together. */
import { accessSettings } from "./access-settings.ts";
import type { ServiceOptions } from "./options.ts";

export function accessFault(options: ServiceOptions): string | undefined {
  const { rateLimit, rateLimitBurst, rateLimitKey, rateLimitExemptIps, rateLimitPaths } = options;
  const refines =
    rateLimitBurst > 0 ||
    rateLimitKey !== "ip" ||
    rateLimitExemptIps.length > 0 ||
    rateLimitPaths.length > 0;
  if (refines && rateLimit === "") return "rate-limit must be set to refine it";
  if (options.queueTimeoutMs > 0 && options.maxInFlight === 0) {
    return "max-in-flight must be set to wait for it";
  }
  const { forwardAuth, forwardAuthCopyHeaders, forwardAuthTimeoutMs } = options;
  const refinesForwardAuth =
    forwardAuthCopyHeaders.length > 0 ||
    forwardAuthTimeoutMs !== accessSettings.forwardAuthTimeoutMs.fallback;
  if (refinesForwardAuth && forwardAuth === "") return "forward-auth must be set to refine it";
  const { basicAuth, basicAuthFile, basicAuthExemptPaths, basicAuthForward } = options;
  const asks = basicAuth.length > 0 || basicAuthFile !== "";
  const refinesBasicAuth =
    basicAuthExemptPaths.length > 0 ||
    basicAuthForward ||
    options.basicAuthRealm !== accessSettings.basicAuthRealm.fallback;
  if (refinesBasicAuth && !asks) {
    return "basic-auth or basic-auth-file must be set to refine it";
  }
  const { tlsClientCaPath, tlsClientAuth, tlsEnabled } = options;
  if (tlsClientCaPath === "" && tlsClientAuth !== "require") {
    return "tls-client-ca-path must be set to request certificates of clients";
  }
  return tlsClientCaPath !== "" && !tlsEnabled
    ? "TLS must be enabled to ask clients for certificates"
    : undefined;
}
