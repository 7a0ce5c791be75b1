/** Requests of the proxy's own to the target of a service: no redirect, no log line, no pause. */
import { maxOwnAnswerBytes } from "../../config/limits.ts";
import type { BodySink } from "../../protocols/http/body.ts";
import { noBody } from "../../protocols/http/body-framing.ts";
import { Fields } from "../../protocols/http/fields.ts";
import type { ResponseHead } from "../../protocols/http/message-head.ts";
import type { TargetAnswer, TargetQuestion } from "../../seam/data-plane.ts";
import type { LiveServices } from "../services/live-services.ts";
import { targetProtocolFor } from "./target-protocol.ts";
import type { ResponseReceiver } from "../upstream/upstream-request.ts";

const noFields = new Fields();
const noKeys: ReadonlySet<string> = new Set();

/** Answers itself with 503 without a healthy target. It is given up when the signal aborts, with its reason. */
export function askTarget(
  services: LiveServices,
  { service: name, pathAndQuery, host }: TargetQuestion,
  signal: AbortSignal,
): Promise<TargetAnswer> {
  const service = services.get(name);
  const target = service?.activeBalancer.claim(true);
  if (target === undefined) return Promise.resolve({ status: 503, body: "no healthy target" });
  const answer = new Answer();
  const call = target.transport.send(
    {
      protocol: targetProtocolFor(target.options.targetProtocol, {
        upgrade: null,
        fields: noFields,
      }),
      head: {
        method: "GET",
        authority: host,
        target: pathAndQuery,
        received: noFields,
        dropped: noKeys,
        added: [
          "X-Forwarded-Host",
          host,
          "X-Forwarded-Proto",
          "http",
          "X-Kamal-Target",
          target.address,
        ],
      },
      framing: noBody,
      body: null,
      rewindBody: null,
      upgrade: null,
      responseTimeoutMs: target.options.responseTimeoutMs,
    },
    answer,
  );
  const giveUp = (): void => {
    call.cancel();
    answer.onError(signal.reason);
  };
  signal.addEventListener("abort", giveUp, { once: true });
  return answer.done;
}

class Answer implements ResponseReceiver, BodySink {
  readonly #done = Promise.withResolvers<TargetAnswer>();
  #status = 0;
  #body = "";

  get done(): Promise<TargetAnswer> {
    return this.#done.promise;
  }

  onInformational(): void {}
  onHead(head: ResponseHead): BodySink {
    this.#status = head.status;
    return this;
  }
  onUpgrade(): void {
    throw new Error("no upgrade was asked for");
  }
  onError(error: Error): void {
    this.#done.reject(error);
  }
  onComplete(): void {
    this.#done.resolve({ status: this.#status, body: this.#body });
  }

  attach(): void {}
  write(chunk: Uint8Array): boolean {
    const wanted = maxOwnAnswerBytes - this.#body.length;
    if (wanted > 0) this.#body += Buffer.from(chunk.subarray(0, wanted)).toString("utf8");
    return true;
  }
  flush(): void {}
  end(): void {}
  abort(): void {}
}
