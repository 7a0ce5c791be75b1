/** The contract between forwarding and the transport: one request out, one response back. */
import type { BodySink, BodySource, Duplex } from "../../protocols/http/body.ts";
import type { BodyFraming } from "../../protocols/http/body-framing.ts";
import type { OutgoingHead } from "../../protocols/http/outgoing-head.ts";
import type { ResponseHead } from "../../protocols/http/message-head.ts";
import type { Fields } from "../../protocols/http/fields.ts";
import type { ExchangeError } from "../../protocols/http/exchange-error.ts";

/** `h2c`: HTTP/2 in plain, with prior knowledge. */
export type UpstreamProtocol = "h1" | "h2c";

export interface UpstreamRequest {
  protocol: UpstreamProtocol;
  head: OutgoingHead;
  framing: BodyFraming;
  /** Null only when not a byte can follow (`isEmptyBody`). */
  body: BodySource | null;
  /** Starts the body again from its first byte, for a retry; null when that can't be done. */
  rewindBody: (() => BodySource) | null;
  /** The protocol that the Upgrade field asks for, else null. */
  upgrade: string | null;
  /** From the end of the request to the end of the response head; 0 means none. */
  responseTimeoutMs: number;
}

/** Hears of one response. After `onError` or `onComplete` nothing more is called. */
export interface ResponseReceiver {
  /** 1xx other than 101. */
  onInformational(status: number, reason: string, fields: Fields): void;
  /** The final head; the body is pushed into the sink that this returns (also when it is empty). */
  onHead(head: ResponseHead, framing: BodyFraming): BodySink;
  /** 101 to a request that asked for it. The call is then over as far as the transport goes. */
  onUpgrade(head: ResponseHead, tunnel: Duplex): void;
  /**
   * There will be no complete response. After `onHead` the sink has already heard `abort`.
   */
  onError(error: ExchangeError): void;
  /** The response was received completely; the sink has heard `end`. */
  onComplete(): void;
}

export interface UpstreamCall {
  /**
   * Gives the request up: its connection, over HTTP/2 its stream alone, is closed, and the receiver hears nothing
   * more.
   */
  cancel(): void;
}
