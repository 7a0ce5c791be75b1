/** Single figures out of the metrics of a running proxy. */
import type { ProxyProcess } from "./proxy-process.ts";
import { waitFor } from "./wait-for.ts";

export async function readMetrics(proxy: ProxyProcess): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${proxy.metricsPort}/metrics`)).text();
}

/** Value of the one sample that has all these labels; 0 when there is none. */
export async function readMetric(
  proxy: ProxyProcess,
  name: string,
  labels: Record<string, string>,
): Promise<number> {
  for (const line of (await readMetrics(proxy)).split("\n")) {
    const [, sample, value] = /^([^ ]+) (\S+)$/.exec(line) ?? [];
    if (sample === undefined || !sample.startsWith(`${name}{`)) continue;
    const has = ([key, text]: [string, string]): boolean => sample.includes(`${key}="${text}"`);
    if (Object.entries(labels).every(has)) return Number(value);
  }
  return 0;
}

/** Held requests and tunnels count as well. */
export async function waitForInFlight(
  proxy: ProxyProcess,
  service: string,
  count: number,
): Promise<void> {
  await waitFor(
    async () =>
      (await readMetric(proxy, "kamal_proxy_http_in_flight_requests", { service })) === count,
    `${count} requests in flight for ${service}`,
  );
}
