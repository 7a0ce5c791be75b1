/**
 * Checks passwords, of all services: what was right is remembered for a while, so that a page with a hundred files
 * costs one check; wrong ones are counted by client, so that guessing costs the guesser; the checks
 * themselves run beside the event loop, a few at a time.
 */
import {
  maxPasswordChecks,
  maxRememberedPasswords,
  maxWaitingPasswordChecks,
  passwordAttempts,
  passwordMemoryMs,
} from "../config/access-limits.ts";
import type { Credential } from "../config/credentials.ts";
import type { Clock } from "../lib/clock.ts";
import { ConcurrencyLimit } from "../lib/concurrency-limit.ts";
import { OncePerKey } from "../lib/once-per-key.ts";
import { clientNetwork } from "./client-network.ts";
import type { RateTable } from "./rate-table.ts";

/** "busy": too many are waiting. */
export type PasswordVerdict = "right" | "wrong" | "busy" | TooManyGuesses;

/** Nothing was checked: the client has guessed too often, and may do so again in `waitMs`. */
export interface TooManyGuesses {
  readonly waitMs: number;
}

/** RFC 9110 10.2.3: seconds, 1 or more. */
export function retryAfter({ waitMs }: TooManyGuesses): [name: string, value: string] {
  return ["Retry-After", String(Math.max(1, Math.ceil(waitMs / 1e3)))];
}

export interface PasswordCheckerContext {
  clock: Clock;
  rates: RateTable;
  /** Slow by intention, and off the event loop. */
  verify(password: Uint8Array, hash: string): Promise<boolean>;
  /** A keyed hash: what is remembered must not tell passwords. */
  fingerprint(hash: string, user: string, password: Uint8Array): string;
}

export class PasswordChecker {
  readonly #context: PasswordCheckerContext;
  readonly #group: number;
  /** Until when, by fingerprint; the oldest first. */
  readonly #right = new Map<string, number>();
  readonly #checks = new ConcurrencyLimit(maxPasswordChecks, maxWaitingPasswordChecks);
  readonly #underWay = new OncePerKey<string, PasswordVerdict>();

  constructor(context: PasswordCheckerContext) {
    this.#context = context;
    this.#group = context.rates.group("password");
  }

  /**
   * At once when it is known. `credential` is that of the user; null when there is none: then `decoy` is checked
   * in vain, so that it takes as long.
   */
  check(
    address: string,
    user: string,
    password: Uint8Array,
    credential: Credential | null,
    decoy: Credential,
  ): PasswordVerdict | Promise<PasswordVerdict> {
    const client = clientNetwork(address);
    // Somebody who was a user once may be remembered with the hash that is the decoy now.
    if (credential === null) return this.#verify(client, password, decoy.hash, false);
    const { hash } = credential;
    const fingerprint = this.#context.fingerprint(hash, user, password);
    const rightUntilMs = this.#right.get(fingerprint);
    if (rightUntilMs !== undefined && rightUntilMs > this.#context.clock.now()) return "right";
    return this.#underWay.run(`${client} ${fingerprint}`, async () => {
      const verdict = await this.#verify(client, password, hash, true);
      if (verdict === "right") this.#remember(fingerprint);
      return verdict;
    });
  }

  async #verify(
    client: string,
    password: Uint8Array,
    hash: string,
    isUser: boolean,
  ): Promise<PasswordVerdict> {
    const { rates, clock, verify } = this.#context;
    const key = { group: this.#group, text: `password ${client}` };
    const left = rates.take(key, passwordAttempts, clock.wallMs());
    if (left < 0) return { waitMs: -left };
    const check = this.#checks.run(() => verify(password, hash));
    if (check === null) {
      rates.giveBack(key, passwordAttempts);
      return "busy";
    }
    if (!(await check) || !isUser) return "wrong";
    rates.giveBack(key, passwordAttempts);
    return "right";
  }

  #remember(fingerprint: string): void {
    this.#right.delete(fingerprint);
    if (this.#right.size >= maxRememberedPasswords) {
      this.#right.delete(this.#right.keys().next().value!);
    }
    this.#right.set(fingerprint, this.#context.clock.now() + passwordMemoryMs);
  }
}
