/** How many requests of a service may be under way at once, tunnels included: `--max-in-flight`. */
import { InFlightSlots, type SlotOutcome } from "../../services/in-flight-slots.ts";
import type { Answers } from "../answers/answers.ts";
import type { RoutedRequest } from "../request-stages.ts";
import type { Policy, PolicyFactory, Verdict } from "./policy.ts";

class MaxInFlight implements Policy {
  readonly logName = "max-in-flight";
  readonly slots: InFlightSlots;
  readonly #answers: Answers;

  constructor(slots: InFlightSlots, answers: Answers) {
    this.slots = slots;
    this.#answers = answers;
  }

  onRequest(request: RoutedRequest): Verdict | Promise<Verdict> {
    const { promise, resolve } = Promise.withResolvers<SlotOutcome>();
    const entered = this.slots.enter(request, resolve);
    if (entered === "entered") return "pass";
    return entered === "full" ? this.#refuse(request) : this.#wait(request, promise);
  }

  onEnd(request: RoutedRequest): void {
    this.slots.leave(request);
  }

  async #wait(request: RoutedRequest, outcome: Promise<SlotOutcome>): Promise<Verdict> {
    const { exchange } = request;
    const gone = Promise.withResolvers<"gone">();
    exchange.onAbort = () => {
      this.slots.leave(request);
      gone.resolve("gone");
    };
    const ended = await Promise.race([outcome, gone.promise]);
    exchange.onAbort = null;
    return ended === "expired" ? this.#refuse(request) : "pass";
  }

  #refuse(request: RoutedRequest): Verdict {
    this.#answers.pageWith(request, "too-many-in-flight", [["Retry-After", "1"]]);
    return "answered";
  }
}

/** The limit is shared out among the workers. */
export const maxInFlight: PolicyFactory = ({ options }, { answers, clock, workers }, previous) => {
  const { maxInFlight: limit, queueTimeoutMs } = options;
  if (limit === 0) return null;
  const slots = previous instanceof MaxInFlight ? previous.slots : new InFlightSlots(clock);
  slots.configure(Math.max(1, Math.floor(limit / workers)), queueTimeoutMs);
  return new MaxInFlight(slots, answers);
};
