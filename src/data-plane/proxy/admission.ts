/** The phase in which a service may hold or refuse a request: pause, stop, and the health check that is answered meanwhile. */
import { Fields } from "../../protocols/http/fields.ts";
import type { Logger } from "../../lib/logger.ts";
import type { HoldOutcome, PauseGate } from "../services/pause-gate.ts";
import type { Answers } from "./answers/answers.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";
import { clientGone } from "./answers/failure.ts";
import type { Phase, PhaseOutcome } from "./phases.ts";
import type { RoutedRequest } from "./request-stages.ts";

type AdmissionOutcome = "admitted" | "stopped" | "expired" | "full" | "removed" | "client-gone";

export class Admission implements Phase {
  readonly #answers: Answers;
  readonly #logger: Logger;

  constructor(answers: Answers, logger: Logger) {
    this.#answers = answers;
    this.#logger = logger;
  }

  run(request: RoutedRequest): PhaseOutcome | Promise<PhaseOutcome> {
    return request.service.gate.state === "running" ? "next" : this.#admit(request);
  }

  /** Lets the request pass unless the service is stopped, or paused for too long. */
  async #admit(request: RoutedRequest): Promise<PhaseOutcome> {
    const { exchange, service, decodedPath, matchedPrefix } = request;
    if (service.isHealthCheck(exchange.request.method, decodedPath, matchedPrefix)) {
      exchange.respond(200, new Fields(), Buffer.alloc(0));
      return "answered";
    }
    const admission = enter(service.gate, exchange);
    const outcome = typeof admission === "string" ? admission : await admission;
    switch (outcome) {
      case "admitted":
        return "next";
      case "stopped":
        this.#answers.page(request, "service-stopped", service.gate.stopMessage);
        break;
      case "expired":
        this.#logger.warn("Rejecting request due to expired pause", {
          service: service.name,
          path: decodedPath,
        });
        this.#answers.page(request, "pause-expired");
        break;
      case "full":
        this.#answers.page(request, "too-many-held");
        break;
      case "removed":
        this.#answers.page(request, "service-removed");
        break;
      case "client-gone":
        this.#answers.fail(request, clientGone());
        break;
    }
    return "answered";
  }
}

/** Held requests wait here, in order of arrival; one whose client leaves frees its place. */
function enter(gate: PauseGate, exchange: Exchange): AdmissionOutcome | Promise<AdmissionOutcome> {
  const entered = gate.enter();
  if (entered === "open") return "admitted";
  if (typeof entered === "string") return entered;
  const { promise, resolve } = Promise.withResolvers<AdmissionOutcome>();
  entered.onOutcome = (outcome: HoldOutcome): void => {
    exchange.onAbort = null;
    resolve(outcome === "released" ? "admitted" : outcome);
  };
  exchange.onAbort = (): void => {
    entered.leave();
    resolve("client-gone");
  };
  return promise;
}
