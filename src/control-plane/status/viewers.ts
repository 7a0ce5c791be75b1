/** Open status pages: each is told what is new as server-sent events (HTML 9.2). */
import { statusLimits } from "../../config/operator-limits.ts";

type Controller = ReadableStreamDefaultController<Uint8Array>;

export class Viewers {
  readonly #open = new Set<Controller>();
  readonly #encoder = new TextEncoder();

  get size(): number {
    return this.#open.size;
  }

  get isFull(): boolean {
    return this.#open.size >= statusLimits.maxViewers;
  }

  /** Null: there are too many. `first` is what it is told at once. */
  join(first: readonly string[]): ReadableStream<Uint8Array> | null {
    if (this.isFull) return null;
    let joined: Controller;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          joined = controller;
          this.#open.add(controller);
          for (const message of first) this.#push(controller, this.#encoder.encode(message));
        },
        cancel: () => void this.#open.delete(joined),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: statusLimits.maxUnreadBytes }),
    );
  }

  tell(message: string): void {
    if (this.#open.size === 0) return;
    const bytes = this.#encoder.encode(message);
    for (const controller of this.#open) this.#push(controller, bytes);
  }

  close(): void {
    for (const controller of this.#open) controller.close();
    this.#open.clear();
  }

  /** Who does not read is not waited for. */
  #push(controller: Controller, bytes: Uint8Array): void {
    if ((controller.desiredSize ?? 0) < bytes.length) {
      this.#open.delete(controller);
      controller.error(new Error("the page does not read"));
      return;
    }
    controller.enqueue(bytes);
  }
}

/** `data`: JSON, which has no line end. */
export function eventText(name: string, data: string): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}
