/** What is reported of certificates. */
import type { Figure } from "./exposition.ts";

/** `expiries`: by name, in milliseconds since 1970. */
export function certificateFigures(
  expiries: ReadonlyMap<string, number>,
  failedOrders: number,
): Figure[] {
  return [
    {
      name: "kamal_proxy_certificate_expiry_timestamp_seconds",
      help: "End of the certificate's life since unix epoch in seconds, labeled by server name.",
      type: "gauge",
      value: [...expiries].map(([name, ms]) => ({ labels: { name }, value: ms / 1_000 })),
    },
    {
      name: "kamal_proxy_certificate_failures_total",
      help: "Orders of certificates that failed.",
      type: "counter",
      value: failedOrders,
    },
  ];
}
