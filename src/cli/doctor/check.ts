/** One thing that `doctor` looks at: a small function of what is known, in the list that `checks` names. */
import type { ServiceDescription } from "../../control-plane/socket/protocol.ts";
import type { ProxyStatus } from "../../control-plane/socket/status-protocol.ts";
import { formatLogTime } from "../../lib/log-time.ts";
import type { Probes } from "./probes.ts";

/** `note`: good to know; `warning`: may be meant so; `failure`: something does not work. */
export type Level = "ok" | "note" | "warning" | "failure";

export interface Finding {
  check: string;
  /** Service, host or target; empty: the whole proxy. */
  subject: string;
  level: Level;
  result: string;
  /** What to do; null: nothing. */
  advice: string | null;
}

export interface Facts {
  status: ProxyStatus;
  /** Those that were asked for. */
  services: readonly (readonly [name: string, ServiceDescription])[];
  /** Of this command. */
  version: string;
  nowMs: number;
  probes: Probes;
}

export type Outcome = Omit<Finding, "check">;

export interface Check {
  /** As the report shows it. */
  name: string;
  run(facts: Facts): Outcome[] | Promise<Outcome[]>;
}

export function ok(subject: string, result: string): Outcome {
  return { subject, level: "ok", result, advice: null };
}

export function note(subject: string, result: string, advice: string | null = null): Outcome {
  return { subject, level: "note", result, advice };
}

export function warning(subject: string, result: string, advice: string): Outcome {
  return { subject, level: "warning", result, advice };
}

export function failure(subject: string, result: string, advice: string): Outcome {
  return { subject, level: "failure", result, advice };
}

/** The address at which the proxy can be reached from its own machine. */
export function ownAddress({ bind }: ProxyStatus): string {
  if (bind === "" || bind === "0.0.0.0") return "127.0.0.1";
  return bind === "::" ? "::1" : bind;
}

/** To the second, in the machine's time zone. */
export function timeOf(wallMs: number): string {
  return formatLogTime(wallMs).replace(/\.\d+/, "");
}
