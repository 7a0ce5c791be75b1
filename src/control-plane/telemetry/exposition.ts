/** The text format of Prometheus, version 0.0.4. Pure. */
import {
  durationBuckets,
  type Series,
  type ServiceEvent,
  type ServiceMetrics,
} from "../../seam/service-metrics.ts";

export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

/** A figure such as those of the process. */
export interface Figure {
  name: string;
  help: string;
  type: "counter" | "gauge";
  /** One value, or several that are told apart by labels. */
  value: number | readonly LabelledValue[];
}

export interface LabelledValue {
  labels: Readonly<Record<string, string>>;
  value: number;
}

export function formatMetrics(
  services: readonly ServiceMetrics[],
  figures: readonly Figure[],
): string {
  const rows = sortedRows(services);
  return (
    inFlightText(services) +
    durationText(rows) +
    requestsText(rows) +
    bodyBytesText(services) +
    answeredByText(services) +
    eventsText(services, "retry") +
    eventsText(services, "ejection") +
    figures.map(figureText).join("")
  );
}

interface Row {
  series: Series;
  labels: string;
}

function sortedRows(services: readonly ServiceMetrics[]): Row[] {
  const rows: Row[] = [];
  for (const { service, series } of services) {
    for (const one of series) {
      const rollout = one.rollout === null ? "" : `rollout="${one.rollout}",`;
      const labels = `method="${one.method}",${rollout}service="${labelValue(service)}",status="${one.status}"`;
      rows.push({ series: one, labels });
    }
  }
  return rows.toSorted((a, b) => (a.labels < b.labels ? -1 : 1));
}

function inFlightText(services: readonly ServiceMetrics[]): string {
  const name = "kamal_proxy_http_in_flight_requests";
  let text = "";
  for (const { service, started, inFlight } of services) {
    if (started) text += `${name}{service="${labelValue(service)}"} ${inFlight}\n`;
  }
  return family(name, "Number of in-flight HTTP requests, labeled by service.", "gauge", text);
}

function durationText(rows: readonly Row[]): string {
  const name = "kamal_proxy_http_request_duration_seconds";
  let text = "";
  for (const { series, labels } of rows) {
    let total = 0;
    for (let i = 0; i <= durationBuckets.length; i++) {
      total += series.buckets[i]!;
      text += `${name}_bucket{${labels},le="${durationBuckets[i] ?? "+Inf"}"} ${total}\n`;
    }
    text += `${name}_sum{${labels}} ${series.sumSeconds}\n${name}_count{${labels}} ${series.count}\n`;
  }
  const help = "Duration of HTTP requests, labeled by service, status code and method.";
  return family(name, help, "histogram", text);
}

function requestsText(rows: readonly Row[]): string {
  const name = "kamal_proxy_http_requests_total";
  let text = "";
  for (const { series, labels } of rows) text += `${name}{${labels}} ${series.count}\n`;
  return family(
    name,
    "HTTP requests processed, labeled by service, status code and method.",
    "counter",
    text,
  );
}

function bodyBytesText(services: readonly ServiceMetrics[]): string {
  const name = "kamal_proxy_http_response_body_bytes_total";
  let text = "";
  for (const { service, series } of services) {
    const bytes = series.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    text += `${name}{service="${labelValue(service)}"} ${bytes}\n`;
  }
  return family(name, "Bytes of response bodies that were sent, by service.", "counter", text);
}

function answeredByText(services: readonly ServiceMetrics[]): string {
  const name = "kamal_proxy_policy_answers_total";
  let text = "";
  for (const { service, answeredBy } of services) {
    for (const [policy, count] of Object.entries(answeredBy)) {
      text += `${name}{policy="${policy}",service="${labelValue(service)}"} ${count}\n`;
    }
  }
  return family(name, "HTTP requests that a policy has answered, by service.", "counter", text);
}

const eventFamilies: Readonly<Record<ServiceEvent, { name: string; help: string }>> = {
  retry: {
    name: "kamal_proxy_retries_total",
    help: "HTTP requests that were sent to a target again, by service.",
  },
  ejection: {
    name: "kamal_proxy_ejections_total",
    help: "Targets that got no requests for a while because they failed, by service.",
  },
};

function eventsText(services: readonly ServiceMetrics[], event: ServiceEvent): string {
  const { name, help } = eventFamilies[event];
  let text = "";
  for (const { service, events } of services) {
    const count = events?.[event] ?? 0;
    if (count > 0) text += `${name}{service="${labelValue(service)}"} ${count}\n`;
  }
  return family(name, help, "counter", text);
}

function figureText(figure: Figure): string {
  const { name, help, type, value } = figure;
  const samples =
    typeof value === "number"
      ? `${name} ${value}\n`
      : value.map((one) => `${name}{${labelText(one.labels)}} ${one.value}\n`).join("");
  return family(name, help, type, samples);
}

function family(name: string, help: string, type: string, samples: string): string {
  return samples === "" ? "" : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return pairs.map(([name, value]) => `${name}="${labelValue(value)}"`).join(",");
}

function labelValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
