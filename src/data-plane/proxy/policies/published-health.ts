/** --publish-health-check: whoever asks is told whether the service is served now, and why not. */
import { serviceHealthPaths } from "../../../config/paths.ts";
import { Fields } from "../../../protocols/http/fields.ts";
import { byteString } from "../../services/byte-string.ts";
import type { LiveService } from "../../services/live-service.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

export const publishedHealth: PolicyFactory = (service, { answers }): Policy | null => {
  if (!service.options.publishHealthCheck) return null;
  const path = serviceHealthPaths.prefix + byteString(service.name) + serviceHealthPaths.suffix;
  return {
    logName: "health",
    onRequest(request) {
      const { method } = request.exchange.request;
      if (request.decodedPath !== path || (method !== "GET" && method !== "HEAD")) return "pass";
      const fault = faultOf(service);
      const fields = Fields.of(
        ["Content-Type", "text/plain; charset=utf-8"],
        ["Cache-Control", "no-store"],
      );
      answers.respond(request, fault === null ? 200 : 503, fields, Buffer.from(fault ?? "ok"));
      return "answered";
    },
  };
};

function faultOf({ gate, activeBalancer }: LiveService): string | null {
  if (gate.state !== "running") return `the service is ${gate.state}`;
  const isServed = activeBalancer.targets.some(
    (target) => !target.readOnly && activeBalancer.takes(target),
  );
  return isServed ? null : "no healthy target";
}
