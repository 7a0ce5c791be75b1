/**
 * One request and its response, whatever protocol carries it. Listeners make exchanges, the pipeline
 * answers each exactly once: with a head and a body, a switch of protocols, or a cut.
 */
import type { ClientAuthorities } from "../../config/client-authorities.ts";
import type { BodySink, BodySource, Duplex } from "./body.ts";
import type { BodyFraming } from "./body-framing.ts";
import type { Fields } from "./fields.ts";

export type Scheme = "http" | "https";
export type Protocol = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2.0" | "HTTP/3.0";

/** Who is at the other end of a client connection, or said to be there by a load balancer. */
export interface ClientPeer {
  /** IPv4 not mapped, IPv6 in its short form. */
  readonly address: string;
  readonly port: number;
  /** The PROXY header names nobody: this is the load balancer's address, whose trust it does not pass on. */
  readonly isUnnamed?: boolean;
  /** What its TLS handshake has shown of it, where it was asked for a certificate. */
  readonly authentication?: ClientAuthentication;
}

export interface ClientAuthentication {
  /** Those whose certificates it was asked for. */
  readonly authorities: ClientAuthorities;
  /** Issued by one of them for clients, and valid at the handshake; null: none was shown, or it is refused. */
  readonly certificate: ClientCertificate | null;
  /** Why the certificate that was shown is refused. */
  readonly fault: string | null;
}

/** As fields of a request can hold it. */
export interface ClientCertificate {
  /** Distinguished name in the string form of RFC 4514, in ASCII. */
  readonly subject: string;
  /** SHA-256 of the certificate in hexadecimal, lower case. */
  readonly fingerprint: string;
  /** In hexadecimal, upper case. */
  readonly serial: string;
}

export interface ExchangeRequest {
  readonly method: string;
  /** As sent; begins with a slash, or is the `*` of OPTIONS. */
  readonly path: string;
  /** As sent, with its question mark; empty when there is none. */
  readonly query: string;
  /** The Host field or authority as sent, with its port. */
  readonly host: string;
  /** The same in comparable form, without port. */
  readonly hostName: string;
  readonly protocol: Protocol;
  readonly scheme: Scheme;
  /** All fields as received, Host included. */
  readonly fields: Fields;
  readonly framing: BodyFraming;
  /** Null when `framing.kind` is `none`. Expect: 100-continue is answered when it is started. */
  readonly body: BodySource | null;
  /** Protocol named by the Upgrade field of a real upgrade (RFC 9110 7.8), else null. */
  readonly upgrade: string | null;
  readonly client: ClientPeer;
}

export interface Exchange {
  readonly request: ExchangeRequest;
  /** The connection, when it carries other exchanges at the same time, else null; to be told from others. */
  readonly sharedConnection: object | null;
  /** Called once when the client has gone before the response was complete. */
  onAbort: (() => void) | null;
  readonly aborted: boolean;
  /** Final status sent; 0 before, 101 after a switch of protocols. */
  readonly status: number;
  /** Body bytes handed to the client so far, without framing. */
  readonly bodyBytesSent: number;
  /** Fields of the head that was sent; null before. */
  readonly responseFields: Fields | null;

  /** Sends a 1xx response other than 101; left out for HTTP/1.0 clients. */
  sendInformational(status: number, reason: string, fields: Fields): void;
  /**
   * Sends the final head. `fields` has Content-Length when `framing` is a length (also for HEAD) and no
   * connection-specific field; the exchange adds those, and Date when missing.
   * Returns where the body goes; its end ends the exchange.
   */
  sendHead(status: number, reason: string, fields: Fields, framing: BodyFraming): BodySink;
  /** Sends a complete response from memory. Content-Length is added. `close` ends the connection after it. */
  respond(status: number, fields: Fields, body: Uint8Array, close?: boolean): void;
  /** Sends 101 and hands over the connection. */
  switchProtocols(reason: string, fields: Fields): Duplex;
  /** Ends the connection (or stream) so that the client sees an incomplete message. */
  cut(): void;
}
