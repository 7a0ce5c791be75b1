/** The phase in which policies see a request before anybody else, and may answer it. */
import { clientGone } from "../answers/failure.ts";
import type { Answers } from "../answers/answers.ts";
import type { RoutedRequest } from "../request-stages.ts";
import type { ServicePolicies } from "./service-policies.ts";
import type { Policy, Verdict } from "./policy.ts";

type Outcome = "next" | "answered";

export class PolicyPhase {
  readonly #answers: Answers;

  constructor(answers: Answers) {
    this.#answers = answers;
  }

  run(request: RoutedRequest, policies: ServicePolicies): Outcome | Promise<Outcome> {
    return this.#ask(request, policies, 0);
  }

  #ask(
    request: RoutedRequest,
    policies: ServicePolicies,
    from: number,
  ): Outcome | Promise<Outcome> {
    const asked = policies.onRequest;
    for (let index = from; index < asked.length; index++) {
      const policy = asked[index]!;
      const verdict = policy.onRequest(request);
      if (typeof verdict !== "string") return this.#wait(request, policies, index, verdict);
      if (verdict !== "pass") return answered(request, verdict, policy);
    }
    return "next";
  }

  async #wait(
    request: RoutedRequest,
    policies: ServicePolicies,
    index: number,
    pending: Promise<Verdict>,
  ): Promise<Outcome> {
    const verdict = await pending;
    if (verdict !== "pass") return answered(request, verdict, policies.onRequest[index]!);
    if (request.exchange.aborted) {
      this.#answers.fail(request, clientGone());
      return "answered";
    }
    return this.#ask(request, policies, index + 1);
  }
}

function answered(
  request: RoutedRequest,
  verdict: Exclude<Verdict, "pass">,
  { logName }: Policy,
): "answered" {
  if (verdict === "answered") request.answeredBy = logName;
  return "answered";
}
