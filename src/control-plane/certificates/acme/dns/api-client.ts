/** Requests to the HTTP interface of a DNS provider: with a deadline, and errors in the provider's own words. */
import { dnsApiTimeoutMs, maxDnsApiAnswerBytes } from "../../../../config/limits.ts";
import type { Clock } from "../../../../lib/clock.ts";
import { messageWithCause } from "../../../../lib/error-text.ts";
import type { Fetch } from "../acme-http.ts";
import { readText } from "../limited-body.ts";
import { DnsProviderError, zoneCandidates } from "./dns-provider.ts";

export interface ApiAnswer {
  status: number;
  text: string;
  /** Undefined when the text is no JSON. */
  json: unknown;
}

export interface ApiRequest {
  method: "GET" | "POST" | "PUT" | "DELETE";
  url: string;
  headers?: Record<string, string>;
  /** Sent as JSON, unless it is text. */
  body?: unknown;
}

export interface ApiClientSettings {
  provider: string;
  /** Of every request: who asks. */
  headers?: Record<string, string>;
  fetch: Fetch;
  clock: Clock;
  /** The provider's own reason in an answer that failed; empty: none. */
  reasonOf(answer: ApiAnswer): string;
}

export class ApiClient {
  readonly #settings: ApiClientSettings;

  constructor(settings: ApiClientSettings) {
    this.#settings = settings;
  }

  /** Rejects for any status from 400 that is not in `tolerated`. */
  async send(
    request: ApiRequest,
    signal: AbortSignal,
    tolerated: readonly number[] = [],
  ): Promise<ApiAnswer> {
    const answer = await this.#exchange(request, signal);
    if (answer.status < 400 || tolerated.includes(answer.status)) return answer;
    const { provider, reasonOf } = this.#settings;
    const reason = reasonOf(answer) || answer.text.trim().slice(0, 200);
    const text = `${request.method} ${pathOf(request.url)} was answered ${answer.status}`;
    throw new DnsProviderError(provider, reason === "" ? text : `${text}: ${reason}`);
  }

  /** The longest zone that the name is in and that is not answered 404. */
  async zoneOf(
    recordName: string,
    urlOf: (zone: string) => string,
    signal: AbortSignal,
  ): Promise<string> {
    for (const zone of zoneCandidates(recordName)) {
      const { status } = await this.send({ method: "GET", url: urlOf(zone) }, signal, [404]);
      if (status !== 404) return zone;
    }
    const reason = `the account has no zone that ${recordName} is in`;
    throw new DnsProviderError(this.#settings.provider, reason);
  }

  async #exchange(request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    const { provider, fetch, clock } = this.#settings;
    const { method, url, headers, body } = request;
    const deadline = new AbortController();
    const timer = clock.after(dnsApiTimeoutMs, () => {
      deadline.abort(new Error(`no answer within ${dnsApiTimeoutMs / 1_000} s`));
    });
    const isText = typeof body === "string";
    try {
      const response = await fetch(url, {
        method,
        headers: {
          ...(body === undefined || isText ? {} : { "content-type": "application/json" }),
          ...this.#settings.headers,
          ...headers,
        },
        ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
        redirect: "error",
        signal: AbortSignal.any([signal, deadline.signal]),
        keepalive: false,
      });
      const text = await readText(response, maxDnsApiAnswerBytes);
      return { status: response.status, text, json: parse(text) };
    } catch (error) {
      signal.throwIfAborted();
      const reason = deadline.signal.aborted ? deadline.signal.reason : error;
      const text = `${originOf(url)} could not be asked: ${messageWithCause(reason)}`;
      throw new DnsProviderError(provider, text, { cause: error });
    } finally {
      timer.cancel();
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Queries may hold credentials: they stay out of errors. */
function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : url;
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}

/** The value at a path of keys of an answer; undefined where there is none. */
export function valueAt(value: unknown, ...path: (string | number)[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Record<string | number, unknown>)[key];
  }
  return found;
}

export function textAt(value: unknown, ...path: (string | number)[]): string {
  const found = valueAt(value, ...path);
  return typeof found === "string" ? found : typeof found === "number" ? String(found) : "";
}
