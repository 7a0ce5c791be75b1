/** One end of the seam: carries messages to the other end, in their order. Only JSON-like values cross. */

export interface SeamEnd {
  send(message: SeamMessage): void;
  /** To be set right after the end was made; messages do not arrive before. */
  onMessage: ((message: SeamMessage) => void) | null;
  /** The other end is gone; nothing arrives any more. */
  onClose: (() => void) | null;
  close(): void;
}

export type SeamMessage =
  | { kind: "call"; id: number; name: string; argument: unknown }
  /** Whoever called does not wait any more. */
  | { kind: "cancel"; id: number }
  | { kind: "answer"; id: number; value: unknown }
  | { kind: "failure"; id: number; error: string };

/** Two ends in one process. Each message passes through `copy`, so that nothing is shared by accident. */
export function joinedEnds(
  copy: (message: SeamMessage) => SeamMessage = structuredClone,
): [SeamEnd, SeamEnd] {
  const first = new LocalEnd(copy);
  const second = new LocalEnd(copy);
  first.other = second;
  second.other = first;
  return [first, second];
}

const later = Promise.resolve();

class LocalEnd implements SeamEnd {
  onMessage: ((message: SeamMessage) => void) | null = null;
  onClose: (() => void) | null = null;
  other: LocalEnd | null = null;
  readonly #copy: (message: SeamMessage) => SeamMessage;
  #closed = false;

  constructor(copy: (message: SeamMessage) => SeamMessage) {
    this.#copy = copy;
  }

  /** Never delivered before it returns: between processes it could not be either. */
  send(message: SeamMessage): void {
    if (this.#closed) return;
    const copied = this.#copy(message);
    void later.then(() => this.other?.deliver(copied));
  }

  deliver(message: SeamMessage): void {
    if (!this.#closed) this.onMessage?.(message);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { other } = this;
    void later.then(() => other?.closedThere());
  }

  closedThere(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onClose?.();
  }
}
