/** One request on its way to one target, and the response on its way back. */
import { type BodySink, type BodySource, type Duplex, nowhere } from "../../protocols/http/body.ts";
import type { BodyFraming } from "../../protocols/http/body-framing.ts";
import type { Fields } from "../../protocols/http/fields.ts";
import type { ResponseHead } from "../../protocols/http/message-head.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import type { DeadlineQueue } from "../../lib/deadline-queue.ts";
import { ListMember } from "../../lib/member-list.ts";
import type { InFlightRequest } from "../services/inflight-requests.ts";
import { ExchangeError } from "../../protocols/http/exchange-error.ts";
import type { ResponseReceiver, UpstreamCall } from "../upstream/upstream-request.ts";
import { BufferedResponse, type CollectedResponse } from "./bodies/buffered-response.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";
import { bufferingError, clientGone } from "./answers/failure.ts";
import { LimitedResponse } from "./bodies/limited-response.ts";
import type { ClientResponse } from "./policies/policy.ts";
import type { ServicePolicies } from "./policies/service-policies.ts";
import type { DeliveredRequest } from "./request-stages.ts";
import { outgoingHead } from "./request-head.ts";
import { isEventStream, removeConnectionFields } from "./response-head.ts";
import type { SpoolOptions } from "./bodies/spooled-body.ts";
import { Join } from "../../protocols/http/join.ts";
import { targetProtocolFor } from "./target-protocol.ts";
import { WatchedSink } from "../../protocols/http/watched-sink.ts";

export interface ForwardingOptions {
  /** When responses are buffered. */
  responseSpool: SpoolOptions | null;
  /** Tells when a target has paused in a response of unknown length. */
  responsePauses: DeadlineQueue;
  clock: Clock;
}

export class Forwarding extends ListMember implements ResponseReceiver, InFlightRequest {
  readonly #request: DeliveredRequest;
  readonly #exchange: Exchange;
  readonly #policies: ServicePolicies;
  readonly #options: ForwardingOptions;
  readonly #done = Promise.withResolvers<ExchangeError | null>();
  #call: UpstreamCall | null = null;
  #collected: CollectedResponse | null = null;
  /** Between the response and the client, which it may tell later what it is told; the last of several. */
  #wrapped: CollectedResponse | null = null;
  #watched: WatchedSink | null = null;
  #isPassedOn = false;
  #tunnel: Join | null = null;
  /** Of the request as a whole; null without a limit. */
  #timer: Timer | null = null;
  #finished = false;

  constructor(request: DeliveredRequest, policies: ServicePolicies, options: ForwardingOptions) {
    super();
    this.#request = request;
    this.#exchange = request.exchange;
    this.#policies = policies;
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
    const { routed, target } = this.#request;
    const spool = routed.collectedBody;
    // Many apps read no body of which they are not told the length.
    const framing = spool === null ? request.framing : spool.framing;
    const head = outgoingHead(request, framing, {
      // A client that names no host: many apps refuse an empty one.
      host: request.host || target.address,
      target: routed.targetPath + request.query,
      requestId: routed.requestId,
      requestStart: routed.received.requestStart,
      forwarded: this.#request.forwarded,
      isStranger: routed.origin.trusted === false,
      clientIpHeader: routed.service.options.clientIpHeader,
    });
    for (const policy of this.#policies.onOutgoing) policy.onOutgoing(this.#request, head);
    target.inFlight.begin(this);
    const { timeLeftMs } = this.#request;
    if (timeLeftMs > 0) {
      this.#timer = this.#options.clock.after(timeLeftMs, () => {
        this.#giveUp(new ExchangeError("request-timeout", "the request took too long"));
      });
    }
    this.#exchange.onAbort = () => this.#clientGone();
    this.#call = target.transport.send(
      {
        protocol: targetProtocolFor(target.options.targetProtocol, request),
        head,
        framing,
        body: spool === null ? request.body : spool.source(),
        rewindBody: spool === null ? null : (): BodySource => spool.source(),
        upgrade: request.upgrade,
        responseTimeoutMs: this.#request.responseTimeoutMs,
      },
      this,
    );
  }

  cancel(): void {
    if (this.#tunnel !== null) {
      this.#tunnel.destroy();
      return;
    }
    this.#giveUp(new ExchangeError("draining", "the target is draining"));
  }

  // The transport reports.

  onInformational(status: number, reason: string, fields: Fields): void {
    removeConnectionFields(fields, false);
    this.#exchange.sendInformational(status, reason, fields);
  }

  onHead(head: ResponseHead, framing: BodyFraming): BodySink {
    const { status, reason, fields } = head;
    this.#request.targetStatus = status;
    if (this.#refuses(status)) {
      this.#giveUp(new ExchangeError("status-refused", `the target answered ${status}`));
      return nowhere;
    }
    removeConnectionFields(fields, framing.kind === "chunked");
    const response = { status, reason, fields, framing };
    for (const policy of this.#policies.onResponse) policy.onResponse(this.#request, response);
    this.#collected = this.#collector(response, framing);
    return this.#collected ?? this.#sendHead(response);
  }

  /** Returns where the body goes, past the policies that change it. */
  #sendHead(response: ClientResponse): BodySink {
    const { status, reason, fields, framing } = response;
    const sink = this.#exchange.sendHead(status, reason, fields, framing);
    if (this.#policies.wrapBody.length === 0) return sink;
    const watched = new WatchedSink(sink, (error) => this.#clientTold(error));
    for (const policy of this.#policies.wrapBody) {
      const wrapped = policy.wrapBody(this.#request, response, this.#wrapped ?? watched);
      if (wrapped === null) continue;
      this.#wrapped = wrapped;
      this.#watched = watched;
    }
    return this.#wrapped ?? sink;
  }

  onUpgrade(head: ResponseHead, duplex: Duplex): void {
    const { fields } = head;
    const upgrade = fields.get("upgrade")!;
    removeConnectionFields(fields, false);
    fields.append("Upgrade", upgrade, "upgrade");
    for (const policy of this.#policies.onSwitch) policy.onSwitch(this.#request, fields);
    const client = this.#exchange.switchProtocols(head.reason, fields);
    this.#exchange.onAbort = null;
    this.#timer?.cancel();
    this.#tunnel = new Join(client, duplex, () => this.#finish(null));
    this.#request.target.inFlight.upgraded(this);
    this.#tunnel.start();
  }

  onError(error: ExchangeError): void {
    this.#collected?.dispose();
    this.#finish(error);
  }

  onComplete(): void {
    this.#request.target.inFlight.end(this);
    if (this.#collected === null) this.#passedOn();
  }

  /** The response is on its way to the client, as far as nobody keeps any of it. */
  #passedOn(): void {
    this.#isPassedOn = true;
    if (this.#watched === null || this.#watched.ended) this.#finish(null);
  }

  /** By a policy that keeps the response for a while. */
  #clientTold(error: Error | null): void {
    if (error !== null) {
      this.#giveUp(error instanceof ExchangeError ? error : bufferingError(error));
    } else if (this.#isPassedOn) {
      this.#finish(null);
    }
  }

  /**
   * Null when the body goes on as it comes: event streams, and what has no length and no limit. `framing` is
   * that of the target.
   */
  #collector(response: ClientResponse, framing: BodyFraming): CollectedResponse | null {
    const { responseSpool, responsePauses } = this.#options;
    if (responseSpool === null || framing.kind === "none" || isEventStream(response.fields))
      return null;
    const sendHead = (): BodySink => this.#sendHead(response);
    const onEnded = (error: ExchangeError | null): void => {
      if (error === null) this.#passedOn();
      else this.#finish(error);
    };
    if (framing.kind === "length") {
      return framing.length === 0
        ? null
        : new BufferedResponse(sendHead, framing.length, responseSpool, onEnded);
    }
    return responseSpool.maxBytes === 0
      ? null
      : new LimitedResponse(sendHead, responseSpool, responsePauses, onEnded);
  }

  #refuses(status: number): boolean {
    const { retry, collectedBody } = this.#request.routed;
    if (retry === null) return false;
    const { method, body } = this.#exchange.request;
    return retry.refusesStatus(status, method, body !== null && collectedBody === null);
  }

  #clientGone(): void {
    this.#giveUp(clientGone());
  }

  #giveUp(error: ExchangeError): void {
    this.#call?.cancel();
    this.#collected?.dispose();
    this.#finish(error);
  }

  #finish(error: ExchangeError | null): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#wrapped?.dispose();
    this.#timer?.cancel();
    this.#exchange.onAbort = null;
    this.#request.target.inFlight.end(this);
    this.#done.resolve(error);
  }
}
