/** Calls across the seam and their answers, both ways over one pair of ends. */
import { messageOf } from "../lib/error-text.ts";
import type { SeamEnd, SeamMessage } from "./seam-end.ts";

/** By name: what is sent, and what comes back. */
export type Calls<C> = { [K in keyof C]: { argument: unknown; value: unknown } };

/** Who answers; begun in the order of the calls. The signal aborts when the caller does not wait any more. */
export type CallAnswers<C extends Calls<C>> = {
  [K in keyof C]: (
    argument: C[K]["argument"],
    signal: AbortSignal,
  ) => C[K]["value"] | Promise<C[K]["value"]>;
};

/** The other end has gone before it answered. */
export class SeamClosedError extends Error {}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

type AnyAnswer = (argument: unknown, signal: AbortSignal) => unknown;

export class Conversation<Theirs extends Calls<Theirs>, Ours extends Calls<Ours>> {
  /** The other end has gone. */
  onClose: (() => void) | null = null;
  readonly #end: SeamEnd;
  readonly #answers: CallAnswers<Ours>;
  readonly #waiting = new Map<number, Waiting>();
  /** Calls of the other side that are being answered. */
  readonly #answering = new Map<number, AbortController>();
  #lastId = 0;
  #closed = false;

  constructor(end: SeamEnd, answers: CallAnswers<Ours>) {
    this.#end = end;
    this.#answers = answers;
    end.onMessage = (message) => this.#receive(message);
    end.onClose = () => {
      this.#closeHere();
      this.onClose?.();
    };
  }

  /** Rejects with what the other side threw, with a SeamClosedError, or with the signal's reason. */
  call<K extends keyof Theirs & string>(
    name: K,
    argument: Theirs[K]["argument"],
    signal?: AbortSignal,
  ): Promise<Theirs[K]["value"]> {
    if (this.#closed) return Promise.reject(new SeamClosedError("the other end is closed"));
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Theirs[K]["value"]>();
    const cancel = (): void => {
      this.#waiting.delete(id);
      this.#end.send({ kind: "cancel", id });
      reject(signal!.reason as Error);
    };
    this.#waiting.set(id, {
      resolve(value) {
        signal?.removeEventListener("abort", cancel);
        resolve(value as Theirs[K]["value"]);
      },
      reject(error) {
        signal?.removeEventListener("abort", cancel);
        reject(error);
      },
    });
    signal?.addEventListener("abort", cancel, { once: true });
    this.#end.send({ kind: "call", id, name, argument });
    if (signal?.aborted) cancel();
    return promise;
  }

  /** Somebody else is at the other end now: what waits is not answered, and nobody waits for answers. */
  startAnew(): void {
    this.#abandon();
  }

  close(): void {
    if (this.#closed) return;
    this.#end.close();
    this.#closeHere();
  }

  #receive(message: SeamMessage): void {
    switch (message.kind) {
      case "call":
        void this.#answer(message.id, message.name, message.argument);
        break;
      case "cancel":
        this.#answering.get(message.id)?.abort(new Error("nobody waits for it any more"));
        break;
      case "answer":
        this.#taken(message.id)?.resolve(message.value);
        break;
      case "failure":
        this.#taken(message.id)?.reject(new Error(message.error));
        break;
    }
  }

  #taken(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  async #answer(id: number, name: string, argument: unknown): Promise<void> {
    const answer = (this.#answers as unknown as Record<string, AnyAnswer | undefined>)[name];
    const controller = new AbortController();
    this.#answering.set(id, controller);
    try {
      if (answer === undefined) throw new Error(`unknown call ${name}`);
      const value = await answer(argument, controller.signal);
      this.#reply(controller, { kind: "answer", id, value: value ?? null });
    } catch (error) {
      this.#reply(controller, { kind: "failure", id, error: messageOf(error) });
    }
  }

  #reply(controller: AbortController, message: SeamMessage & { id: number }): void {
    if (this.#answering.get(message.id) !== controller) return;
    this.#answering.delete(message.id);
    this.#end.send(message);
  }

  #closeHere(): void {
    this.#closed = true;
    this.#abandon();
  }

  #abandon(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const each of waiting) each.reject(new SeamClosedError("the other end is closed"));
    // Their answers would be taken for those of calls to come.
    const answering = [...this.#answering.values()];
    this.#answering.clear();
    for (const controller of answering) {
      controller.abort(new SeamClosedError("the other end is closed"));
    }
  }
}

/** The control plane may have changed its executable: the one that is there now is asked once more. */
export async function askAgain<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof SeamClosedError)) throw error;
    return await ask();
  }
}
