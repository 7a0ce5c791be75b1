/** Notes what the log says of certificates and processes in the journal as well. */
import type { LogFields, Logger } from "../../lib/logger.ts";
import type { EventJournal, NotedEvent } from "./event-journal.ts";

type Describe = (field: (name: string) => string) => NotedEvent;

function certificate(outcome: NotedEvent["outcome"], text: string): Describe {
  return (field) => {
    const name = field("host") || field("path") || field("service");
    return about("certificate", "", outcome, withReason(`${text} ${name}`, field));
  };
}

function processes(outcome: NotedEvent["outcome"], text: string): Describe {
  return (field) => {
    const worker = field("worker");
    const named = worker === "" ? text : text.replace("worker", `worker ${worker}`);
    return about("process", "", outcome, withReason(named, field));
  };
}

/** By the message of the line. Health and commands are noted where they happen. */
export const notedMessages: Readonly<Record<string, Describe>> = {
  "Obtained certificate": certificate("good", "Obtained a certificate for"),
  "Unable to obtain certificate": certificate("bad", "No certificate could be had for"),
  "Certificate is postponed": certificate("info", "The authority postponed the certificate of"),
  "Unable to save certificate": certificate("bad", "Unable to save the certificate of"),
  "Reloaded TLS certificate": certificate("good", "Reloaded the certificate in"),
  "Error loading TLS certificate": certificate("bad", "Unable to load the certificate in"),
  "Certificate store can't be used": (field) =>
    about("certificate", "", "bad", withReason("The shared store can't be used", field)),
  "Certificate store answers again": () =>
    about("certificate", "", "good", "The shared store answers again"),
  "Worker died": (field) => {
    const how = field("signal") || (field("exit_code") && `code ${field("exit_code")}`);
    const text = `A worker died (worker ${field("worker")}, ${how || "no reason known"}); another one takes its place`;
    return about("process", "", "bad", text);
  },
  "Worker dies again and again": processes("bad", "A worker dies again and again (worker)"),
  "Worker does not answer": processes("bad", "A worker does not answer and is replaced"),
  "Unable to start worker": processes("bad", "Unable to start worker"),
  "Server started": () => about("process", "", "good", "The proxy started"),
  Upgraded: (field) =>
    about("process", "", "good", `Upgraded from ${field("from")} to ${field("to")}`),
  "Unable to upgrade": processes("bad", "Unable to upgrade"),
  "Unable to save state": processes("bad", "Unable to save the state"),
  "Raised rollout": (field) =>
    about("change", field("service"), "good", `Rollout raised to ${field("percentage")} %`),
  "Took rollout back": (field) =>
    about("change", field("service"), "bad", `Rollout taken back: ${field("reason")}`),
  "Promoted rollout": (field) =>
    about("deploy", field("service"), "good", `Promoted the rollout: ${field("targets")}`),
  "Service is degraded": (field) =>
    about("health", field("service"), "bad", withReason("The service is degraded", field)),
  "Keeping what a file of settings said before": (field) =>
    about("change", field("service"), "bad", withReason("A file of settings is not valid", field)),
};

/** The same logger, and the journal hears of it. */
export function notingLogger(logger: Logger, journal: EventJournal): Logger {
  const note = (message: string, fields: LogFields = {}): void => {
    const describe = notedMessages[message];
    if (describe === undefined) return;
    journal.note(describe((name) => String(fields[name] ?? "")));
  };
  return {
    debug: (message, fields) => logger.debug(message, fields),
    info(message, fields) {
      logger.info(message, fields);
      note(message, fields);
    },
    warn(message, fields) {
      logger.warn(message, fields);
      note(message, fields);
    },
    error(message, fields) {
      logger.error(message, fields);
      note(message, fields);
    },
  };
}

function about(
  kind: NotedEvent["kind"],
  service: string,
  outcome: NotedEvent["outcome"],
  text: string,
): NotedEvent {
  return { kind, service, outcome, text };
}

function withReason(text: string, field: (name: string) => string): string {
  const reason = field("error");
  return reason === "" ? text : `${text}: ${reason}`;
}
