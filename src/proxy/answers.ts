/** The proxy's own answers: error pages, and the one way in which an error becomes an answer. */
import { Fields } from "../http/fields.ts";
import type { Logger } from "../lib/logger.ts";
import type { Service } from "../services/service.ts";
import type { Transport } from "../upstream/transport.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { errorPageType, type ErrorPages } from "./error-pages.ts";
import { failureOf } from "./failure.ts";
import type { RequestContext } from "./request-context.ts";

export interface AnswersOptions {
  logger: Logger;
  /** Default pages, for requests that no service answers. */
  pages: ErrorPages;
  /** The pages of a service, or the default ones. */
  pagesOf(service: Service<Transport>): ErrorPages;
}

export class Answers {
  readonly #options: AnswersOptions;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  /** The error page of the status; `message` is shown by the page of a stopped service. */
  page(context: RequestContext, status: number, message?: string): void {
    const { exchange, service } = context;
    if (exchange.aborted) {
      context.unsentStatus = status;
      return;
    }
    const pages = service === null ? this.#options.pages : this.#options.pagesOf(service);
    const fields = Fields.of(["Content-Type", errorPageType]);
    exchange.respond(status, fields, Buffer.from(pages.render(status, message)));
  }

  fail(context: RequestContext, error: UpstreamError): void {
    const { exchange } = context;
    const failure = failureOf(error);
    if (failure.level !== "none") {
      this.#options.logger[failure.level](failure.message, {
        target: context.target?.address ?? "",
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

export function clientGone(): UpstreamError {
  return new UpstreamError("client-gone", "client", "never", "the client went away");
}
