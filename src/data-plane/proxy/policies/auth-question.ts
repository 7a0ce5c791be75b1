/** One question to an auth server. What does not let the request pass goes on to the client as it comes. */
import { maxAuthBodyBytes, maxAuthLeftoverBytes } from "../../../config/access-limits.ts";
import type { Clock, Timer } from "../../../lib/clock.ts";
import { ListMember } from "../../../lib/member-list.ts";
import {
  type BodySink,
  type BodySource,
  type Duplex,
  nowhere,
} from "../../../protocols/http/body.ts";
import { type BodyFraming, noBody } from "../../../protocols/http/body-framing.ts";
import { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import { isGrpc } from "../../../protocols/http/grpc.ts";
import type { ResponseHead } from "../../../protocols/http/message-head.ts";
import type { OutgoingHead } from "../../../protocols/http/outgoing-head.ts";
import type { InFlightRequest } from "../../services/inflight-requests.ts";
import type { Target } from "../../services/target.ts";
import type { ResponseReceiver, UpstreamCall } from "../../upstream/upstream-request.ts";
import type { Answers } from "../answers/answers.ts";
import { clientGone, responseTooLarge } from "../answers/failure.ts";
import type { RoutedRequest } from "../request-stages.ts";
import { removeConnectionFields } from "../response-head.ts";
import type { AuthPlace, AuthServer } from "./auth-server.ts";

export type AuthOutcome =
  | { kind: "passed"; answer: Fields }
  /** The client has its answer, or was cut off. */
  | { kind: "answered" }
  | { kind: "failed"; error: ExchangeError }
  /** The client has left before. */
  | { kind: "gone" }
  /** There is nobody to be asked. */
  | { kind: "nobody" }
  /** Too many wait already. */
  | { kind: "busy" };

export interface AuthQuestionContext {
  server: AuthServer;
  answers: Answers;
  clock: Clock;
  /** From the beginning to the head of the answer. */
  timeoutMs: number;
}

export class AuthQuestion extends ListMember implements ResponseReceiver, InFlightRequest {
  readonly isTunnel = false;
  readonly #request: RoutedRequest;
  readonly #head: OutgoingHead;
  readonly #context: AuthQuestionContext;
  readonly #outcome = Promise.withResolvers<AuthOutcome>();
  /** It takes one of the places for questions until then: a client that reads slowly takes none. */
  readonly #headed = Promise.withResolvers<void>();
  readonly #tried: Target[] = [];
  #place: AuthPlace | null = null;
  #call: UpstreamCall | null = null;
  #timer: Timer | null = null;
  #isDecided = false;
  /** The client gets the answer. */
  #isPassedOn = false;

  constructor(request: RoutedRequest, head: OutgoingHead, context: AuthQuestionContext) {
    super();
    this.#request = request;
    this.#head = head;
    this.#context = context;
  }

  ask(): Promise<AuthOutcome> {
    const { server, clock, timeoutMs } = this.#context;
    this.#request.exchange.onAbort = () => this.#clientGone();
    this.#timer = clock.after(timeoutMs, () => {
      this.#fail(new ExchangeError("response-timeout", `no answer within ${timeoutMs} ms`));
    });
    const asked = server.questions.run(async () => {
      if (this.#isDecided) return;
      this.#send(server.place(this.#request, this.#tried));
      await this.#headed.promise;
    });
    if (asked === null) this.#decide({ kind: "busy" });
    return this.#outcome.promise;
  }

  /** The target that is asked is draining. */
  cancel(): void {
    this.#fail(new ExchangeError("draining", "the target is draining"));
  }

  onInformational(): void {}

  onHead(head: ResponseHead, framing: BodyFraming): BodySink {
    const { status, fields } = head;
    this.#headed.resolve();
    if (status >= 200 && status < 300) {
      this.#decide({ kind: "passed", answer: fields });
      return new BoundedSink(nowhere, maxAuthLeftoverBytes, () => this.#giveUp());
    }
    const { answers } = this.#context;
    if (isGrpc(this.#request.exchange.request.fields)) {
      // To be sent to a page where one logs in means the same to a program.
      answers.grpcStatus(this.#request, status < 400 ? 401 : status);
      this.#giveUp();
      this.#decide({ kind: "answered" });
      return nowhere;
    }
    if (framing.kind === "length" && framing.length > maxAuthBodyBytes) {
      this.#fail(responseTooLarge(maxAuthBodyBytes));
      return nowhere;
    }
    this.#timer?.cancel();
    return this.#passOn(head, framing);
  }

  onUpgrade(_head: ResponseHead, tunnel: Duplex): void {
    tunnel.destroy();
    this.#fail(new ExchangeError("unexpected-upgrade", "no upgrade was asked for"));
  }

  onError(error: ExchangeError): void {
    this.#leavePlace();
    if (this.#isPassedOn) {
      this.#breakOff(error);
      return;
    }
    const refused = this.#place?.target ?? null;
    if (error.code === "connect-failed" && refused !== null && !this.#isDecided) {
      this.#tried.push(refused);
      const next = this.#context.server.place(this.#request, this.#tried);
      if (next !== null) {
        this.#send(next);
        return;
      }
    }
    this.#decide({ kind: "failed", error });
  }

  onComplete(): void {
    this.#timer?.cancel();
    this.#leavePlace();
    if (this.#isPassedOn) this.#decide({ kind: "answered" });
  }

  #send(place: AuthPlace | null): void {
    this.#place = place;
    if (place === null) {
      this.#decide({ kind: "nobody" });
      return;
    }
    place.target?.inFlight.begin(this);
    this.#call = place.transport.send(
      {
        protocol: place.protocol,
        head: this.#head,
        framing: noBody,
        body: null,
        rewindBody: null,
        upgrade: null,
        responseTimeoutMs: this.#context.timeoutMs,
      },
      this,
    );
  }

  #passOn({ status, reason, fields }: ResponseHead, framing: BodyFraming): BodySink {
    const { exchange } = this.#request;
    removeConnectionFields(fields, framing.kind === "chunked");
    this.#isPassedOn = true;
    if (exchange.request.method === "HEAD") {
      exchange.sendHead(status, reason, fields, noBody).end(null);
      this.#giveUp();
      this.#decide({ kind: "answered" });
      return nowhere;
    }
    const client = exchange.sendHead(status, reason, fields, framing);
    if (framing.kind === "length") return client;
    return new BoundedSink(client, maxAuthBodyBytes, () => {
      const error = responseTooLarge(maxAuthBodyBytes);
      this.#giveUp();
      client.abort(error);
      this.#breakOff(error);
    });
  }

  /** The answer that goes to the client is not complete; where nothing of it has left there can be another one. */
  #breakOff(error: ExchangeError): void {
    if (this.#request.exchange.status === 0) {
      this.#decide({ kind: "failed", error });
      return;
    }
    this.#request.error = `${error.code}: ${error.message}`;
    this.#decide({ kind: "answered" });
  }

  #clientGone(): void {
    this.#giveUp();
    if (this.#isPassedOn) this.#context.answers.fail(this.#request, clientGone());
    this.#decide({ kind: this.#isPassedOn ? "answered" : "gone" });
  }

  #fail(error: ExchangeError): void {
    this.#giveUp();
    this.#decide({ kind: "failed", error });
  }

  #giveUp(): void {
    this.#timer?.cancel();
    this.#call?.cancel();
    this.#leavePlace();
  }

  #leavePlace(): void {
    this.#place?.target?.inFlight.end(this);
  }

  #decide(outcome: AuthOutcome): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    // Of an answer that lets the request pass the rest may still come: for as long as the question may take.
    if (outcome.kind !== "passed") this.#timer?.cancel();
    this.#request.exchange.onAbort = null;
    this.#headed.resolve();
    this.#outcome.resolve(outcome);
  }
}

/** Hands on so much of a body. */
class BoundedSink implements BodySink {
  readonly #to: BodySink;
  readonly #onExcess: () => void;
  #left: number;
  readonly passesOn: boolean;

  constructor(to: BodySink, maxBytes: number, onExcess: () => void) {
    this.#to = to;
    this.#left = maxBytes;
    this.#onExcess = onExcess;
    this.passesOn = to.passesOn === true;
  }

  attach(source: BodySource): void {
    this.#to.attach(source);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#left < 0) return true;
    this.#left -= chunk.length;
    if (this.#left >= 0) return this.#to.write(chunk);
    this.#onExcess();
    return true;
  }

  flush(): void {
    this.#to.flush();
  }

  end(trailers: Fields | null): void {
    this.#to.end(trailers);
  }

  abort(error: Error): void {
    this.#to.abort(error);
  }
}
