/** What the settings of access must fulfil together. */
import type { ServiceOptions } from "./options.ts";

export function accessFault(options: ServiceOptions): string | undefined {
  const { rateLimit, rateLimitBurst, rateLimitKey, rateLimitExemptIps, rateLimitPaths } = options;
  const refines =
    rateLimitBurst > 0 ||
    rateLimitKey !== "ip" ||
    rateLimitExemptIps.length > 0 ||
    rateLimitPaths.length > 0;
  return refines && rateLimit === "" ? "rate-limit must be set to refine it" : undefined;
}
