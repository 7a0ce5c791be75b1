/** Whether a request may go on now: pause, stop, and the health check that is answered meanwhile. */
import { Fields } from "../../protocols/http/fields.ts";
import type { Logger } from "../../lib/logger.ts";
import type { HoldOutcome, PauseGate } from "../services/pause-gate.ts";
import type { Service } from "../services/service.ts";
import type { Transport } from "../upstream/transport.ts";
import type { Answers } from "./answers/answers.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";
import { clientGone } from "./answers/failure.ts";
import type { RequestContext } from "./request-context.ts";

type AdmissionOutcome = "admitted" | "stopped" | "expired" | "full" | "removed" | "client-gone";

export class Admission {
  readonly #answers: Answers;
  readonly #logger: Logger;

  constructor(answers: Answers, logger: Logger) {
    this.#answers = answers;
    this.#logger = logger;
  }

  /** Lets the request pass unless the service is stopped, or paused for too long. */
  async admit(context: RequestContext, service: Service<Transport>): Promise<boolean> {
    const { exchange } = context;
    const { method } = exchange.request;
    const { decodedPath, matchedPrefix } = context;
    if (
      service.gate.state !== "running" &&
      service.isHealthCheck(method, decodedPath, matchedPrefix)
    ) {
      exchange.respond(200, new Fields(), Buffer.alloc(0));
      return false;
    }
    const admission = enter(service.gate, exchange);
    const outcome = typeof admission === "string" ? admission : await admission;
    switch (outcome) {
      case "admitted":
        return true;
      case "stopped":
        this.#answers.page(context, 503, service.gate.stopMessage);
        return false;
      case "expired":
        this.#logger.warn("Rejecting request due to expired pause", {
          service: service.name,
          path: context.decodedPath,
        });
        this.#answers.page(context, 504);
        return false;
      case "full":
      case "removed":
        this.#answers.page(context, 503);
        return false;
      case "client-gone":
        this.#answers.fail(context, clientGone());
        return false;
    }
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
