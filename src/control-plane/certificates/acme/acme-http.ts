/**
 * The requests to a certificate authority: with a deadline, the private roots that are trusted, and
 * errors that say what happened. `HTTPS_PROXY` and `NO_PROXY` are obeyed by `fetch` itself.
 */
import { acmeRequestTimeoutMs, maxAcmeResponseBytes } from "../../../config/limits.ts";
import type { Clock } from "../../../lib/clock.ts";
import { AcmeError, type AcmeErrorKind, parseRetryAfter } from "./acme-error.ts";
import { messageWithCause } from "../../../lib/error-text.ts";
import { readText } from "./limited-body.ts";
import { readTrustedRoots } from "./trusted-roots.ts";

export type Fetch = (url: string, init: BunFetchRequestInit) => Promise<Response>;

export interface AcmeHttpSettings {
  fetch: Fetch;
  clock: Clock;
  userAgent: string;
  /** PEM bundles, trusted besides the well-known authorities. */
  caFiles: readonly string[];
}

export interface AcmeResponse {
  status: number;
  /** By lower-case name. */
  headers: Record<string, string>;
  /** Parsed when it is JSON. */
  data: unknown;
}

export class AcmeHttp {
  readonly #settings: AcmeHttpSettings;

  constructor(settings: AcmeHttpSettings) {
    this.#settings = settings;
  }

  /** Rejects with an AcmeError for any status from 400 but a bad nonce, which the caller repeats. */
  async request(
    url: string,
    method: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<AcmeResponse> {
    const response = await this.#send(url, method, body, signal);
    if (response.status < 400) return response;
    const problem = readProblem(response.data);
    if (problem.type === "badNonce") return response;
    throw new AcmeError(kindOf(response.status), describeProblem(url, response.status, problem), {
      problem: problem.type,
      retryAfterMs: this.#retryAfterMs(response),
    });
  }

  async #send(
    url: string,
    method: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<AcmeResponse> {
    const { fetch, clock, userAgent } = this.#settings;
    const roots = await this.#roots();
    const deadline = new AbortController();
    const timer = clock.after(acmeRequestTimeoutMs, () => {
      deadline.abort(new Error(`no answer within ${acmeRequestTimeoutMs / 1_000} s`));
    });
    try {
      const response = await fetch(url, {
        method: method.toUpperCase(),
        headers: {
          "user-agent": userAgent,
          ...(body === undefined ? {} : { "content-type": "application/jose+json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(roots === null ? {} : { tls: { ca: roots } }),
        signal: AbortSignal.any([signal, deadline.signal]),
        // An order is a handful of requests far apart: an old connection is not worth its failures.
        keepalive: false,
      });
      const text = await readText(response, maxAcmeResponseBytes);
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        data: parse(text, response.headers.get("content-type") ?? ""),
      };
    } catch (error) {
      const reason = deadline.signal.aborted ? deadline.signal.reason : error;
      const text = `${originOf(url)} could not be asked: ${messageWithCause(reason)}`;
      throw new AcmeError("unreachable", text, { cause: error });
    } finally {
      timer.cancel();
    }
  }

  /** A bundle that can't be read would make the authority look untrusted. */
  async #roots(): Promise<string[] | null> {
    try {
      return await readTrustedRoots(this.#settings.caFiles);
    } catch (error) {
      const text = `the file of KAMAL_PROXY_ACME_CA_FILE or SSL_CERT_FILE: ${messageWithCause(error)}`;
      throw new AcmeError("unreachable", text, { cause: error });
    }
  }

  #retryAfterMs({ headers }: AcmeResponse): number | null {
    return parseRetryAfter(headers["retry-after"] ?? null, this.#settings.clock.wallMs());
  }
}

interface Problem {
  /** Without the common prefix; empty when the answer is no problem document. */
  type: string;
  detail: string;
}

const problemPrefix = "urn:ietf:params:acme:error:";

/** A problem document (RFC 7807), or an object that holds one as `error`. */
export function readProblem(data: unknown): Problem {
  if (typeof data !== "object" || data === null) return { type: "", detail: "" };
  const { type, detail } = data as { type?: unknown; detail?: unknown };
  return {
    type: typeof type === "string" ? type.replace(problemPrefix, "") : "",
    detail: typeof detail === "string" ? detail : "",
  };
}

function describeProblem(url: string, status: number, { type, detail }: Problem): string {
  const text = [type, detail].filter((part) => part !== "").join(": ");
  return `${originOf(url)} answered ${status}${text === "" ? "" : ` ${text}`}`;
}

function kindOf(status: number): AcmeErrorKind {
  return status === 429 || status >= 500 ? "busy" : "refused";
}

function parse(text: string, contentType: string): unknown {
  if (!/\bjson\b/i.test(contentType)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}
