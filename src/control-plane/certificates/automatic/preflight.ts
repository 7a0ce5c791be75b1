/**
 * Asks for a name as a certificate authority does for HTTP-01: whether a request to its port 80 arrives at this
 * proxy, or at one that shares its storage. A path that nobody could guess is answered here, by whichever worker.
 */
import { randomBytes } from "node:crypto";
import {
  acmePreflightTimeoutMs,
  maxPreflightAddresses,
  maxPreflights,
} from "../../../config/limits.ts";
import type { Clock } from "../../../lib/clock.ts";
import { ConcurrencyLimit } from "../../../lib/concurrency-limit.ts";
import { messageOf } from "../../../lib/error-text.ts";
import { isIpAddress } from "../../../lib/ip-address.ts";
import { challengePathPrefix, type ChallengeResponses } from "./challenge-responses.ts";
import { type AddressFinding, type PreflightReport, preflightReport } from "./preflight-report.ts";

export interface PortQuestion {
  address: string;
  port: number;
  /** In the Host field. */
  host: string;
  path: string;
}

export interface PortAnswer {
  status: number;
  location: string | null;
  /** As far as it is read. */
  body: string;
}

/** How the outer world is asked. */
export interface PreflightWays {
  /** Where authorities come; 80 for all of the internet. */
  port: number;
  /** Null: no name server can tell. None: the name has no address. */
  addressesOf(name: string): Promise<readonly string[] | null>;
  /** The answer, or why there is none. May reject. */
  ask(question: PortQuestion, signal: AbortSignal): Promise<PortAnswer | string>;
}

/** As the connector tells that this machine has no such way. */
const noWay: ReadonlySet<string> = new Set(["network unreachable", "no route to host"]);

export class Preflight {
  readonly #ways: PreflightWays;
  readonly #challenges: ChallengeResponses;
  readonly #clock: Clock;
  readonly #limit = new ConcurrencyLimit(maxPreflights);

  constructor(ways: PreflightWays, challenges: ChallengeResponses, clock: Clock) {
    this.#ways = ways;
    this.#challenges = challenges;
    this.#clock = clock;
  }

  /** Never rejects, and ends in time. */
  async check(name: string): Promise<PreflightReport> {
    return await this.#limit.run(() => this.#check(name))!;
  }

  async #check(name: string): Promise<PreflightReport> {
    const late = new AbortController();
    const timeUp = Promise.withResolvers<null>();
    const timer = this.#clock.after(acmePreflightTimeoutMs, () => {
      late.abort(new Error("no answer in time"));
      timeUp.resolve(null);
    });
    try {
      const addresses = isIpAddress(name)
        ? [name]
        : await Promise.race([this.#ways.addressesOf(name), timeUp.promise]);
      const findings = addresses === null ? null : await this.#ask(name, addresses, late.signal);
      return preflightReport(name, this.#ways.port, findings);
    } catch {
      // Where the answer can't be kept an order fails by itself.
      return preflightReport(name, this.#ways.port, null);
    } finally {
      timer.cancel();
    }
  }

  async #ask(
    name: string,
    addresses: readonly string[],
    signal: AbortSignal,
  ): Promise<AddressFinding[]> {
    const token = `preflight-${randomBytes(16).toString("base64url")}`;
    const secret = randomBytes(16).toString("base64url");
    await using answer = await this.#challenges.answerHttp(token, secret);
    void answer;
    const question = { port: this.#ways.port, host: name, path: challengePathPrefix + token };
    return await Promise.all(
      addresses.slice(0, maxPreflightAddresses).map(async (address): Promise<AddressFinding> => {
        const got = await this.#askOne({ ...question, address }, signal);
        if (typeof got === "string") {
          return { address, kind: noWay.has(got) ? "untested" : "closed", reason: got };
        }
        if (got.status === 200 && got.body === secret) return { address, kind: "arrives" };
        return { address, kind: "answers", status: got.status, location: got.location };
      }),
    );
  }

  async #askOne(question: PortQuestion, signal: AbortSignal): Promise<PortAnswer | string> {
    try {
      return await this.#ways.ask(question, signal);
    } catch (error) {
      return messageOf(error);
    }
  }
}
