/** What a peer may ask for that serves nobody, before its connection is ended (RFC 9113 10.5). */
import { http2Limits } from "../../config/http2-limits.ts";
import { Credit } from "../../protocols/http2/credit.ts";
import { ErrorCode } from "../../protocols/http2/frames.ts";
import { Http2Fault } from "../../protocols/http2/http2-fault.ts";
import type { FrameSender } from "./frame-sender.ts";

export class FloodGuard {
  readonly #sender: FrameSender;
  readonly #control: Credit;
  readonly #broken: Credit;

  constructor(sender: FrameSender, nowMs: number) {
    this.#sender = sender;
    this.#control = new Credit(http2Limits.controlFrames, nowMs);
    this.#broken = new Credit(http2Limits.brokenStreams, nowMs);
  }

  /** A frame came that asks for work and carries nothing. */
  control(units: number, nowMs: number): Http2Fault | null {
    this.#control.earn(this.#sender.takeCarried() * http2Limits.controlFramesEarned);
    return this.#control.spend(units, nowMs) ? null : controlFlood;
  }

  /** The peer has broken a stream off before its end, by a reset or a mistake. */
  broken(nowMs: number): Http2Fault | null {
    return this.#broken.spend(1, nowMs) ? null : brokenFlood;
  }
}

const controlFlood = new Http2Fault(
  ErrorCode.enhanceYourCalm,
  "too many frames that carry nothing",
);
const brokenFlood = new Http2Fault(ErrorCode.enhanceYourCalm, "too many streams broken off");
