/** One request of Bun's server and its response: the Exchange that the pipeline sees. */
import { ListMember } from "../../../lib/member-list.ts";
import type { BodySink, BodySource, Duplex } from "../../../protocols/http/body.ts";
import { announcedLength, type BodyFraming } from "../../../protocols/http/body-framing.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import { connectionKeys } from "../../../protocols/http/hop-by-hop.ts";
import { reasonPhrase } from "../../../protocols/http/status.ts";
import type {
  ClientPeer,
  Exchange,
  ExchangeRequest,
  Protocol,
  Scheme,
} from "../../../protocols/http/exchange.ts";
import type { FetchClient } from "./fetch-client.ts";
import { FetchRequestBody } from "./fetch-request-body.ts";
import type { FetchRequestHead } from "./fetch-request.ts";
import { FetchResponse } from "./fetch-response.ts";
import type { FetchContext } from "./fetch-context.ts";

export class FetchExchange extends ListMember implements Exchange, ExchangeRequest {
  readonly #context: FetchContext;
  readonly #client: FetchClient;
  readonly #head: FetchRequestHead;
  readonly #body: FetchRequestBody | null;
  readonly #response: FetchResponse;
  readonly scheme: Scheme = "https";
  readonly upgrade = null;

  readonly sharedConnection = null;
  onAbort: (() => void) | null = null;
  aborted = false;
  status = 0;
  responseFields: Fields | null = null;

  constructor(
    request: Request,
    head: FetchRequestHead,
    client: FetchClient,
    context: FetchContext,
  ) {
    super();
    this.#context = context;
    this.#client = client;
    this.#head = head;
    const { framing } = head;
    const nowMs = (): number => client.nowMs();
    this.#body =
      framing.kind === "none"
        ? null
        : new FetchRequestBody(
            request.body as ReadableStream<Uint8Array> | null,
            announcedLength(framing),
            nowMs,
          );
    this.#response = new FetchResponse({
      clock: context.clock,
      nowMs,
      onDone: () => client.delete(this),
    });
    client.add(this);
    request.signal.addEventListener("abort", () => this.#clientGone(), { once: true });
  }

  get response(): Promise<Response> {
    return this.#response.response;
  }
  get bodyBytesSent(): number {
    return this.#response.bodyBytesSent;
  }

  get request(): ExchangeRequest {
    return this;
  }
  get method(): string {
    return this.#head.method;
  }
  get path(): string {
    return this.#head.path;
  }
  get query(): string {
    return this.#head.query;
  }
  get host(): string {
    return this.#head.host;
  }
  get hostName(): string {
    return this.#head.hostName;
  }
  get fields(): Fields {
    return this.#head.fields;
  }
  get framing(): BodyFraming {
    return this.#head.framing;
  }
  get protocol(): Protocol {
    return "HTTP/3.0";
  }
  get client(): ClientPeer {
    return this.#client.peer;
  }
  get body(): BodySource | null {
    return this.#body;
  }

  /** Bun's server sends no 1xx but its own 100. */
  sendInformational(): void {}

  sendHead(status: number, _reason: string, fields: Fields, framing: BodyFraming): BodySink {
    // Bun refuses statuses that RFC 9110 15 gives no meaning.
    this.status = status > 599 ? 502 : status;
    this.responseFields = fields;
    const headers = headersOf(fields, this.#context.altSvc);
    this.#response.start(this.status, headers, framing, this.#head.method === "HEAD");
    return this.#response;
  }

  respond(status: number, fields: Fields, body: Uint8Array): void {
    fields.set("Content-Length", String(body.length), "content-length");
    const framing = { kind: "length", length: body.length } as const;
    const sink = this.sendHead(status, reasonPhrase(status), fields, framing);
    sink.write(body);
    sink.end(null);
  }

  /** Never asked for: `upgrade` is null. */
  switchProtocols(): Duplex {
    throw new Error(`${this.protocol} has no switch of protocols`);
  }

  cut(): void {
    this.#response.cut();
  }

  /** The client has not moved for too long: it counts as gone. */
  sweep(nowMs: number, stallTimeoutMs: number): void {
    const stalledMs = Math.max(
      this.#response.stalledMs(nowMs),
      this.#body === null ? 0 : this.#body.stalledMs(nowMs),
    );
    if (stalledMs > stallTimeoutMs) this.#clientGone();
  }

  #clientGone(): void {
    if (this.aborted || this.#response.done) return;
    this.aborted = true;
    this.#body?.clientGone();
    const onAbort = this.onAbort;
    this.onAbort = null;
    onAbort?.();
    this.#response.cut();
  }
}

/** What HTTP/3 forbids, and the names of trailers that can't be sent. */
const forbiddenKeys = new Set<string>([...connectionKeys, "te", "trailer"]);

function headersOf(fields: Fields, altSvc: string | null): Headers {
  const headers = new Headers();
  const { keys, values } = fields;
  for (let i = 0; i < keys.length; i++) {
    if (!forbiddenKeys.has(keys[i]!)) headers.append(keys[i]!, values[i]!);
  }
  if (altSvc !== null) headers.set("alt-svc", altSvc);
  return headers;
}
