/** The proxy's own answers: error pages, and the one way in which an error becomes an answer. */
import { Fields } from "../../../protocols/http/fields.ts";
import type { Logger } from "../../../lib/logger.ts";
import type { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import { CompiledPages } from "./compiled-pages.ts";
import { errorPageType } from "./error-pages.ts";
import { failureOf } from "./failure.ts";
import type { RequestContext } from "../request-context.ts";

export class Answers {
  readonly #logger: Logger;
  readonly #pages = new CompiledPages();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The error page of the status; `message` is shown by the page of a stopped service. */
  page(context: RequestContext, status: number, message?: string): void {
    const { exchange, service } = context;
    if (exchange.aborted) {
      context.unsentStatus = status;
      return;
    }
    const pages = this.#pages.of(service?.snapshot.errorPages ?? null);
    const fields = Fields.of(["Content-Type", errorPageType]);
    exchange.respond(status, fields, Buffer.from(pages.render(status, message)));
  }

  fail(context: RequestContext, error: ExchangeError): void {
    const { exchange } = context;
    const { target } = context;
    const failure = failureOf(error, target === null);
    if (failure.level !== "none") {
      this.#logger[failure.level](failure.message, {
        ...(target !== null && { target: target.address }),
        path: context.decodedPath,
        error: error.message,
      });
    }
    if (failure.silent) {
      if (exchange.status === 0) context.unsentStatus = failure.status;
      if (!exchange.aborted) exchange.cut();
    } else if (exchange.status === 0) {
      this.page(context, failure.status);
    } else {
      exchange.cut();
    }
  }
}
