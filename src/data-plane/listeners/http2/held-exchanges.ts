/**
 * Requests of a client that does not take what it asked for: while memory is short, it is given nothing more to
 * wait for, and its further requests wait here.
 */
import { http2Limits } from "../../../config/http2-limits.ts";
import { unsentMemoryIsShort } from "../../../net/unsent-memory.ts";
import type { FrameSender } from "../../http2/frame-sender.ts";
import type { Http2Exchange } from "./http2-exchange.ts";

export class HeldExchanges {
  readonly #sender: FrameSender;
  readonly #handle: (exchange: Http2Exchange) => void;
  #held: Http2Exchange[] = [];

  constructor(sender: FrameSender, handle: (exchange: Http2Exchange) => void) {
    this.#sender = sender;
    this.#handle = handle;
  }

  /** The request is handled now, or waits behind others. */
  take(exchange: Http2Exchange): void {
    if (this.#held.length > 0 || this.#isShort) this.#held.push(exchange);
    else this.#handle(exchange);
  }

  /** Handles those that need not wait any more. */
  release(): void {
    while (this.#held.length > 0 && !this.#isShort) {
      const exchange = this.#held.shift()!;
      if (!exchange.aborted) this.#handle(exchange);
    }
  }

  clear(): void {
    this.#held = [];
  }

  get #isShort(): boolean {
    return unsentMemoryIsShort() && this.#sender.untakenBytes > http2Limits.maxUntakenBytes;
  }
}
