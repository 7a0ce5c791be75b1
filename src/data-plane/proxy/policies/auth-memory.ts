/**
 * Answers of an auth server that let a request pass and that it allows to be used again (RFC 9111), by everything that
 * the question said: somebody with another cookie, or from another address, asks anew.
 */
import {
  maxAuthMemoryMs,
  maxRememberedAuthAnswers,
  maxRememberedAuthBytes,
} from "../../../config/access-limits.ts";
import type { Clock } from "../../../lib/clock.ts";
import { type Fields, listElements } from "../../../protocols/http/fields.ts";

/** What the app gets of an answer. */
export type CopiedFields = readonly [name: string, value: string][];

export class AuthMemory {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #answers = new Map<string, { copied: CopiedFields; untilMs: number }>();
  /** Those that are asked now; null: the answer is for nobody else. */
  readonly #asked = new Map<string, Promise<CopiedFields | null>>();
  #isOfUse = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The server has allowed it before: else nobody has to wait for another's answer, and no key is made. */
  get isOfUse(): boolean {
    return this.#isOfUse;
  }

  /** At once when it is known; a promise when somebody asks just now. */
  find(key: string): CopiedFields | Promise<CopiedFields | null> | null {
    const known = this.#answers.get(key);
    if (known !== undefined) {
      if (known.untilMs > this.#clock.now()) return known.copied;
      this.#answers.delete(key);
    }
    return this.#asked.get(key) ?? null;
  }

  /** Others may wait for it, unless they wait for another one already. */
  asks(key: string, answer: Promise<CopiedFields | null>): void {
    if (this.#asked.has(key)) return;
    this.#asked.set(key, answer);
    void answer.finally(() => this.#asked.delete(key));
  }

  put(key: string, copied: CopiedFields, lifeMs: number): void {
    this.#isOfUse = true;
    if (
      copied.reduce((sum, [name, value]) => sum + name.length + value.length, 0) >
      maxRememberedAuthBytes
    )
      return;
    this.#answers.delete(key);
    if (this.#answers.size >= maxRememberedAuthAnswers) {
      this.#answers.delete(this.#answers.keys().next().value!);
    }
    this.#answers.set(key, { copied, untilMs: this.#clock.now() + lifeMs });
  }
}

/** How long an answer may be used for the same question (RFC 9111 4.2.1); 0: for this one only. */
export function reusableMs(answer: Fields): number {
  const directives = new Map(
    listElements(answer.joined("cache-control")?.toLowerCase() ?? "").map((element) => {
      const [name = "", value = ""] = element.split("=", 2);
      return [name.trim(), value.trim().replace(/^"|"$/g, "")];
    }),
  );
  // A cookie is one client's, and given once.
  if (directives.has("no-store") || directives.has("no-cache") || answer.has("set-cookie"))
    return 0;
  if (answer.joined("vary")?.includes("*") === true) return 0;
  const seconds = directives.get("s-maxage") ?? directives.get("max-age") ?? "";
  const age = answer.get("age") ?? "0";
  if (!/^\d{1,10}$/.test(seconds) || !/^\d{1,10}$/.test(age)) return 0;
  return Math.min(maxAuthMemoryMs, Math.max(0, (Number(seconds) - Number(age)) * 1e3));
}
