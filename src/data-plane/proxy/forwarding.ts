/** One request on its way to one target, and the response on its way back. */
import type { BodySink, BodySource, Duplex } from "../../protocols/http/body.ts";
import type { BodyFraming } from "../../protocols/http/body-framing.ts";
import type { Fields } from "../../protocols/http/fields.ts";
import type { ResponseHead } from "../../protocols/http/message-head.ts";
import type { DeadlineQueue } from "../../lib/deadline-queue.ts";
import type { InFlightRequest } from "../services/inflight-requests.ts";
import type { Target } from "../services/target.ts";
import type { Transport } from "../upstream/transport.ts";
import { ExchangeError } from "../../protocols/http/exchange-error.ts";
import type { ResponseReceiver, UpstreamCall } from "../upstream/upstream-request.ts";
import { BufferedResponse, type CollectedResponse } from "./bodies/buffered-response.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";
import { clientGone } from "./answers/failure.ts";
import { LimitedResponse } from "./bodies/limited-response.ts";
import type { RequestContext } from "./request-context.ts";
import { outgoingHead } from "./request-head.ts";
import { isEventStream, removeConnectionFields } from "./response-head.ts";
import type { SpooledBody, SpoolOptions } from "./bodies/spooled-body.ts";
import { Join } from "../../protocols/http/join.ts";

export interface ForwardingOptions {
  /** The collected request body, when requests are buffered. */
  spool: SpooledBody | null;
  responseSpool: SpoolOptions | null;
  /** Tells when a target has paused in a response of unknown length. */
  responsePauses: DeadlineQueue;
  /** Changes the fields of the final response: cookies. */
  rewriteResponse: ((fields: Fields) => void) | null;
}

export class Forwarding implements ResponseReceiver, InFlightRequest {
  readonly #context: RequestContext;
  readonly #exchange: Exchange;
  readonly #target: Target<Transport>;
  readonly #options: ForwardingOptions;
  readonly #done = Promise.withResolvers<ExchangeError | null>();
  #call: UpstreamCall | null = null;
  #collected: CollectedResponse | null = null;
  #tunnel: Join | null = null;
  #finished = false;

  constructor(context: RequestContext, target: Target<Transport>, options: ForwardingOptions) {
    this.#context = context;
    this.#exchange = context.exchange;
    this.#target = target;
    this.#options = options;
  }

  /** Resolves when nothing more will be sent to the client: null, or why it got no complete answer. */
  get done(): Promise<ExchangeError | null> {
    return this.#done.promise;
  }

  get isTunnel(): boolean {
    return this.#tunnel !== null;
  }

  start(): void {
    const { request } = this.#exchange;
    const { spool } = this.#options;
    // Many apps read no body of which they are not told the length.
    const framing = spool === null ? request.framing : spool.framing;
    this.#target.inFlight.begin(this);
    this.#exchange.onAbort = () => this.#clientGone();
    this.#call = this.#target.transport.send(
      {
        head: outgoingHead(request, framing, {
          // A client that names no host: many apps refuse an empty one.
          host: request.host || this.#target.address,
          target: this.#context.targetPath + request.query,
          requestId: this.#context.requestId,
          requestStart: this.#context.requestStart,
          forwarded: this.#context.forwarded!,
          isStranger: this.#context.origin.trusted === false,
          clientIpHeader: this.#context.service?.options.clientIpHeader ?? "",
        }),
        framing,
        body: spool === null ? request.body : spool.source(),
        rewindBody: spool === null ? null : (): BodySource => spool.source(),
        upgrade: request.upgrade,
        responseTimeoutMs: this.#target.options.responseTimeoutMs,
      },
      this,
    );
  }

  cancel(): void {
    if (this.#tunnel !== null) {
      this.#tunnel.destroy();
      return;
    }
    this.#call?.cancel();
    this.#collected?.dispose();
    this.#finish(new ExchangeError("draining", "the target is draining"));
  }

  // The transport reports.

  onInformational(status: number, reason: string, fields: Fields): void {
    removeConnectionFields(fields, false);
    this.#exchange.sendInformational(status, reason, fields);
  }

  onHead(head: ResponseHead, framing: BodyFraming): BodySink {
    const { fields } = head;
    removeConnectionFields(fields, framing.kind === "chunked");
    this.#options.rewriteResponse?.(fields);
    this.#collected = this.#collector(head, framing);
    if (this.#collected !== null) return this.#collected;
    return this.#exchange.sendHead(head.status, head.reason, fields, framing);
  }

  onUpgrade(head: ResponseHead, duplex: Duplex): void {
    const { fields } = head;
    const upgrade = fields.get("upgrade")!;
    removeConnectionFields(fields, false);
    fields.append("Upgrade", upgrade, "upgrade");
    const client = this.#exchange.switchProtocols(head.reason, fields);
    this.#exchange.onAbort = null;
    this.#tunnel = new Join(client, duplex, () => this.#finish(null));
    this.#target.inFlight.upgraded(this);
    this.#tunnel.start();
  }

  onError(error: ExchangeError): void {
    this.#collected?.dispose();
    this.#finish(error);
  }

  onComplete(): void {
    this.#target.inFlight.end(this);
    if (this.#collected === null) this.#finish(null);
  }

  /** Null when the body goes on as it comes: event streams, and what has no length and no limit. */
  #collector(head: ResponseHead, framing: BodyFraming): CollectedResponse | null {
    const { responseSpool, responsePauses } = this.#options;
    if (responseSpool === null || framing.kind === "none" || isEventStream(head.fields))
      return null;
    const onEnded = (error: ExchangeError | null): void => this.#finish(error);
    if (framing.kind === "length") {
      return framing.length === 0
        ? null
        : new BufferedResponse(this.#exchange, head, framing, responseSpool, onEnded);
    }
    return responseSpool.maxBytes === 0
      ? null
      : new LimitedResponse(this.#exchange, head, framing, responseSpool, responsePauses, onEnded);
  }

  #clientGone(): void {
    this.#call?.cancel();
    this.#collected?.dispose();
    this.#finish(clientGone());
  }

  #finish(error: ExchangeError | null): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#exchange.onAbort = null;
    this.#target.inFlight.end(this);
    this.#done.resolve(error);
  }
}
