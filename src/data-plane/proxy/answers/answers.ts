/** The proxy's own answers: error pages, and the one way in which an error becomes an answer. */
import { chunkedBody } from "../../../protocols/http/body-framing.ts";
import { Fields } from "../../../protocols/http/fields.ts";
import { grpcFailure, isGrpc } from "../../../protocols/http/grpc.ts";
import { misdirectedStatus, reasonPhrase } from "../../../protocols/http/status.ts";
import type { Logger } from "../../../lib/logger.ts";
import type { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import { CompiledPages } from "./compiled-pages.ts";
import { errorPageType } from "./error-pages.ts";
import { errorCodeField, failureOf, type RefusalCode, refusalOf } from "./failure.ts";
import type { Exchange } from "../../../protocols/http/exchange.ts";
import type { LiveService } from "../../services/live-service.ts";
import type { RoutedRequest } from "../request-stages.ts";

const noFields: readonly never[] = [];

/** A request, at any stage. */
export interface AnswerableRequest {
  readonly exchange: Exchange;
  readonly service: LiveService | null;
  /** For log and metrics, when the client has left before its answer. */
  set unsentStatus(status: number);
  /** Why it failed, for the log line: code and detail. */
  set error(text: string);
}

export class Answers {
  readonly #logger: Logger;
  /** Answers have a field with the code of the failure. */
  readonly #showsCodes: boolean;
  readonly #pages = new CompiledPages();

  constructor(logger: Logger, showsCodes: boolean) {
    this.#logger = logger;
    this.#showsCodes = showsCodes;
  }

  /** The error page of the code's status; `message` is shown by the page of a stopped service. */
  page(request: AnswerableRequest, code: RefusalCode, message?: string): void {
    this.pageWith(request, code, noFields, message);
  }

  /** With more fields in its head. */
  pageWith(
    request: AnswerableRequest,
    code: RefusalCode,
    added: readonly [name: string, value: string][],
    message?: string,
  ): void {
    const { status, detail } = refusalOf(code);
    request.error = `${code}: ${detail}`;
    this.#sendPage(request, status, code, added, message);
  }

  #sendPage(
    request: AnswerableRequest,
    status: number,
    code: string,
    added: readonly [name: string, value: string][],
    message?: string,
  ): void {
    const { exchange } = request;
    const isMisdirected = status === misdirectedStatus;
    if (isGrpc(exchange.request.fields) && !isMisdirected) {
      const named: [string, string][] = this.#showsCodes ? [[errorCodeField, code]] : [];
      this.grpcStatus(request, status, [...named, ...added]);
      return;
    }
    const pages = this.#pages.of(request.service?.snapshot.errorPages ?? null);
    const fields = Fields.of(["Content-Type", errorPageType], ...added);
    if (this.#showsCodes) fields.append(errorCodeField, code);
    const body = Buffer.from(pages.render(status, message));
    this.respond(request, status, fields, body, isMisdirected);
  }

  /** For clients of gRPC, which read no page. The log and the metrics show the status that it stands for. */
  grpcStatus(
    request: AnswerableRequest,
    status: number,
    added: readonly [name: string, value: string][] = noFields,
  ): void {
    const { exchange } = request;
    request.unsentStatus = status;
    const fields = grpcFailure(status, reasonPhrase(status));
    for (const [name, value] of added) fields.append(name, value);
    if (!exchange.aborted) exchange.sendHead(200, "OK", fields, chunkedBody).end(null);
  }

  /** A complete answer of the proxy's own; `close` ends the connection behind it. */
  respond(
    request: AnswerableRequest,
    status: number,
    fields: Fields,
    body: Uint8Array,
    close = false,
  ): void {
    if (request.exchange.aborted) request.unsentStatus = status;
    else request.exchange.respond(status, fields, body, close);
  }

  fail(request: RoutedRequest, error: ExchangeError): void {
    const { exchange } = request;
    const target = request.delivered?.target ?? null;
    const failure = failureOf(error, target === null);
    request.error = `${error.code}: ${error.message}`;
    if (failure.level !== "none") {
      this.#logger[failure.level](failure.message, {
        ...(target !== null && { target: target.address }),
        path: request.decodedPath,
        error: error.message,
      });
    }
    if (failure.silent) {
      if (exchange.status === 0) request.unsentStatus = failure.status;
      if (!exchange.aborted) exchange.cut();
    } else if (exchange.status === 0) {
      this.#sendPage(request, failure.status, error.code, noFields);
    } else {
      exchange.cut();
    }
  }
}
