/** The phase in which the body of a request is collected, where the service buffers requests. */
import { pipe } from "../../protocols/http/body.ts";
import { brokenBodyError } from "../../protocols/http/exchange-error.ts";
import type { Answers } from "./answers/answers.ts";
import { bufferingError, clientGone, requestTooLarge } from "./answers/failure.ts";
import { SpooledBody } from "./bodies/spooled-body.ts";
import type { Phase, PhaseOutcome } from "./phases.ts";
import type { RoutedRequest } from "./request-stages.ts";
import type { SpoolSpace } from "./bodies/spool-space.ts";

export class Collection implements Phase {
  readonly #space: SpoolSpace;
  readonly #answers: Answers;

  constructor(space: SpoolSpace, answers: Answers) {
    this.#space = space;
    this.#answers = answers;
  }

  run(request: RoutedRequest): PhaseOutcome | Promise<PhaseOutcome> {
    const { exchange, service } = request;
    const { body, fields, framing } = exchange.request;
    if (body === null || request.collectedBody !== null) return "next";
    // Those of the deployment that the request goes to; a service may have no target at all.
    const group = service.balancerFor(fields);
    const options = group.targets[0]?.options ?? service.targetOptions;
    if (!options.bufferRequests) return "next";
    request.collectedFor = options;
    const { maxMemoryBufferBytes, maxRequestBodyBytes: limit } = options;
    if (limit > 0 && framing.kind === "length" && framing.length > limit) {
      this.#answers.fail(request, requestTooLarge());
      return "answered";
    }
    const spool = new SpooledBody(this.#space.options(maxMemoryBufferBytes, limit));
    request.collectedBody = spool;
    pipe(body, spool);
    return this.#collect(request, spool);
  }

  /** Waits for the whole body. */
  async #collect(request: RoutedRequest, spool: SpooledBody): Promise<PhaseOutcome> {
    const outcome = await spool.collected;
    if (outcome.kind === "complete" && !request.exchange.aborted) {
      request.collectedFor = null;
      return "again";
    }
    switch (outcome.kind) {
      case "complete":
        // The last bytes may have been on their way to the disk when the client left.
        request.collectedFor = null;
        this.#answers.fail(request, clientGone());
        break;
      case "too-large":
        this.#answers.fail(request, requestTooLarge());
        break;
      case "aborted":
        this.#answers.fail(request, brokenBodyError(outcome.error));
        break;
      case "failed":
        this.#answers.fail(request, bufferingError(outcome.error));
        break;
    }
    return "answered";
  }
}
