/** Asks the endpoint of a service whether a host may have a certificate. */
import {
  maxOnDemandBodyBytes,
  maxOnDemandQuestions,
  maxWaitingOnDemandQuestions,
  onDemandTimeoutMs,
} from "../../../config/limits.ts";
import type { Clock } from "../../../lib/clock.ts";
import { ConcurrencyLimit } from "../../../lib/concurrency-limit.ts";
import { goQuote } from "../../../go/quote.ts";
import type { Logger } from "../../../lib/logger.ts";
import { OncePerKey } from "../../../lib/once-per-key.ts";
import type { Fetch } from "../acme/acme-http.ts";
import { messageWithCause } from "../../../lib/error-text.ts";
import { readText } from "../acme/limited-body.ts";
import { readTrustedRoots } from "../acme/trusted-roots.ts";

export interface OnDemandAnswer {
  status: number;
  body: string;
}

/**
 * A request to the target of the service itself; `pathAndQuery` begins with a slash. It is given up
 * when the signal aborts.
 */
export type AskTarget = (
  service: string,
  pathAndQuery: string,
  host: string,
  signal: AbortSignal,
) => Promise<OnDemandAnswer>;

export interface OnDemandSettings {
  askTarget: AskTarget;
  fetch: Fetch;
  /** PEM bundles, trusted besides the well-known authorities. */
  caFiles: readonly string[];
  clock: Clock;
  logger: Logger;
}

export class OnDemandPolicy {
  readonly #settings: OnDemandSettings;
  readonly #questions = new OncePerKey<string, string | null>();
  readonly #limit = new ConcurrencyLimit(maxOnDemandQuestions, maxWaitingOnDemandQuestions);

  constructor(settings: OnDemandSettings) {
    this.#settings = settings;
  }

  /**
   * Why the host may have no certificate; null: it may. Those who ask for one host together share a
   * question; no answer is remembered. Never rejects.
   */
  async denial(service: string, url: string, host: string): Promise<string | null> {
    return await this.#questions.run(`${service} ${host}`, async () => {
      const asked = this.#limit.run(() => this.#ask(service, url, host));
      return asked === null ? this.#deny(host, "too many questions are waiting") : await asked;
    });
  }

  async #ask(service: string, url: string, host: string): Promise<string | null> {
    try {
      const { status, body } = await this.#answer(service, questionUrl(url, host), host);
      if (status === 200) return null;
      return this.#denyFor(host, status, body);
    } catch (error) {
      if (!url.startsWith("/")) return this.#deny(host, messageWithCause(error));
      // What the proxy would have answered for its own target.
      return this.#denyFor(host, error instanceof TimeUp ? 504 : 502, "");
    }
  }

  #denyFor(host: string, status: number, fullBody: string): string {
    const body = Buffer.from(fullBody).toString("utf8", 0, maxOnDemandBodyBytes);
    this.#settings.logger.warn(denialMessage, { host, status, body });
    return `${host} is not allowed to get a certificate (status: ${status}, body: ${goQuote(body)})`;
  }

  #deny(host: string, error: string): string {
    this.#settings.logger.warn(denialMessage, { host, error });
    return `${host} is not allowed to get a certificate (${error})`;
  }

  async #answer(service: string, url: string, host: string): Promise<OnDemandAnswer> {
    const { askTarget, clock } = this.#settings;
    const timeUp = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = clock.after(onDemandTimeoutMs, () => {
      const error = new TimeUp(`no answer within ${onDemandTimeoutMs / 1_000} s`);
      timeUp.abort(error);
      late.reject(error);
    });
    try {
      const asked = url.startsWith("/")
        ? askTarget(service, url, host, timeUp.signal)
        : this.#fetch(url, timeUp.signal);
      return await Promise.race([asked, late.promise]);
    } finally {
      timer.cancel();
    }
  }

  async #fetch(url: string, signal: AbortSignal): Promise<OnDemandAnswer> {
    // A redirect is the endpoint's last word: following it could turn a denial into a 200.
    const { fetch, caFiles } = this.#settings;
    const roots = await readTrustedRoots(caFiles);
    const response = await fetch(url, {
      redirect: "manual",
      signal,
      ...(roots === null ? {} : { tls: { ca: roots } }),
    });
    const body = await readText(response, maxOnDemandBodyBytes);
    return { status: response.status, body };
  }
}

class TimeUp extends Error {}

const denialMessage = "TLS on-demand check denied host";

/** The endpoint's own parameters stay, but for `host`; sorted by name as kamal-proxy does. */
export function questionUrl(url: string, host: string): string {
  const [beforeFragment = ""] = url.split("#", 1);
  const mark = beforeFragment.indexOf("?");
  const path = mark < 0 ? beforeFragment : beforeFragment.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : beforeFragment.slice(mark + 1));
  query.set("host", host);
  query.sort();
  return `${path}?${query}`;
}
