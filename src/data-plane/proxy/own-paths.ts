/** Paths of the proxy's own, which load balancers ask for that can't name a host: they stand above all hosts. */
import { proxyHealthPath, serviceHealthPaths } from "../../config/paths.ts";
import type { LiveService } from "../services/live-service.ts";
import type { LiveServices } from "../services/live-services.ts";

/** The path that tells the health of a service, as requests carry it. */
const { prefix, suffix } = serviceHealthPaths;

/** The service that publishes its health there; null: it is a path like any other. */
export function publishingService(services: LiveServices, decodedPath: string): LiveService | null {
  if (!decodedPath.startsWith(prefix) || !decodedPath.endsWith(suffix)) return null;
  const name = Buffer.from(decodedPath.slice(prefix.length, -suffix.length), "latin1");
  const service = services.get(name.toString("utf8"));
  return service?.options.publishHealthCheck === true ? service : null;
}

/** Whether the proxy itself is asked how it is. */
export function asksForProxyHealth(method: string, decodedPath: string): boolean {
  return decodedPath === proxyHealthPath && (method === "GET" || method === "HEAD");
}
