/** Clients that request one URL over and over, and what became of each request. */

const patienceMs = 30_000;

export interface RequestOutcome {
  /** Milliseconds from the start of the clients to the end of the request. */
  atMs: number;
  /** What was answered; null when the request failed. */
  answer: string | null;
  error: string | null;
}

export class SteadyRequests {
  readonly #url: string;
  readonly #startedMs = performance.now();
  readonly #clients: Promise<void>[];
  #ending = false;
  readonly outcomes: RequestOutcome[] = [];

  constructor(url: string, clients: number) {
    this.#url = url;
    this.#clients = Array.from({ length: clients }, () => this.#client());
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  get failures(): RequestOutcome[] {
    return this.outcomes.filter((outcome) => outcome.error !== null);
  }

  /** Answered requests, in the order in which they ended. */
  answeredWith(text: string): RequestOutcome[] {
    return this.outcomes.filter((outcome) => outcome.answer?.includes(text));
  }

  /** Resolves when enough requests have had that outcome. */
  async until(condition: () => boolean): Promise<void> {
    const limitMs = this.elapsedMs + patienceMs;
    while (!condition()) {
      if (this.elapsedMs > limitMs) {
        throw new Error(`too few answers within ${patienceMs} ms (${this.failures[0]?.error})`);
      }
      await Bun.sleep(5);
    }
  }

  /** Resolves when the requests under way have ended. */
  async stop(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#clients);
  }

  async #client(): Promise<void> {
    while (!this.#ending) {
      let answer: string | null = null;
      let error: string | null = null;
      try {
        const response = await fetch(this.#url);
        const text = await response.text();
        if (response.ok) answer = text;
        else error = `status ${response.status}`;
      } catch (failure) {
        error = String(failure);
      }
      this.outcomes.push({ atMs: this.elapsedMs, answer, error });
    }
  }
}
