/** Asks the endpoint of a service whether a host may have a certificate. */
import {
  maxOnDemandBodyBytes,
  maxOnDemandQuestions,
  maxWaitingOnDemandQuestions,
  onDemandTimeoutMs,
} from "../config/defaults.ts";
import type { Clock } from "../lib/clock.ts";
import { ConcurrencyLimit } from "../lib/concurrency-limit.ts";
import type { Logger } from "../lib/logger.ts";
import { OncePerKey } from "../lib/once-per-key.ts";
import type { Fetch } from "./acme-http.ts";
import { describeError } from "./describe-error.ts";
import { readText } from "./limited-body.ts";
import { readTrustedRoots } from "./trusted-roots.ts";

export interface OnDemandAnswer {
  status: number;
  body: string;
}

/** A request to the target of the service itself; `pathAndQuery` begins with a slash. */
export type AskTarget = (
  service: string,
  pathAndQuery: string,
  host: string,
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
  readonly #questions = new OncePerKey<string, boolean>();
  readonly #limit = new ConcurrencyLimit(maxOnDemandQuestions, maxWaitingOnDemandQuestions);

  constructor(settings: OnDemandSettings) {
    this.#settings = settings;
  }

  /** Handshakes for one host share a question; no answer is remembered. Never rejects. */
  async isAllowed(service: string, url: string, host: string): Promise<boolean> {
    return await this.#questions.run(`${service} ${host}`, async () => {
      const asked = this.#limit.run(() => this.#ask(service, url, host));
      if (asked !== null) return await asked;
      this.#settings.logger.warn("TLS on-demand check denied host", {
        host,
        error: "too many questions are waiting",
      });
      return false;
    });
  }

  async #ask(service: string, url: string, host: string): Promise<boolean> {
    const { logger } = this.#settings;
    const isPath = url.startsWith("/");
    try {
      const answer = await this.#answer(service, questionUrl(url, host), host);
      if (answer.status === 200) return true;
      const { status } = answer;
      const body = Buffer.from(answer.body).toString("utf8", 0, maxOnDemandBodyBytes);
      logger.warn("TLS on-demand check denied host", { host, status, body });
    } catch (error) {
      logger.warn("TLS on-demand check denied host", {
        host,
        // What the proxy would have answered for its own target.
        ...(isPath ? { status: error instanceof TimeUp ? 504 : 502, body: "" } : {}),
        error: describeError(error),
      });
    }
    return false;
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
        ? askTarget(service, url, host)
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
