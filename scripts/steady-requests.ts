/** Clients that request one URL over and over, and what became of each request. */

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
