/** Lets clients pass by their address: `--allow-ip`, `--deny-ip`. */
import type { Answers } from "../answers/answers.ts";
import type { RoutedRequest } from "../request-stages.ts";
import { AddressList } from "./address-list.ts";
import type { Policy, PolicyFactory, Verdict } from "./policy.ts";

class IpRules implements Policy {
  readonly logName = "ip";
  readonly #answers: Answers;
  /** Null: everybody. */
  readonly allowed: AddressList | null;
  readonly denied: AddressList;

  constructor(answers: Answers, allowed: AddressList | null, denied: AddressList) {
    this.#answers = answers;
    this.allowed = allowed;
    this.denied = denied;
  }

  onRequest(request: RoutedRequest): Verdict {
    const { allowed, denied } = this;
    if (!denied.isKnown || allowed?.isKnown === false) {
      this.#answers.page(request, "address-list-unreadable");
      return "answered";
    }
    const address = request.clientAddress;
    if (!denied.contains(address) && (allowed === null || allowed.contains(address))) return "pass";
    this.#answers.page(request, "address-refused");
    return "answered";
  }
}

export const ipRules: PolicyFactory = (service, { answers }, previous) => {
  const { allowIps, denyIps } = service.options;
  if (allowIps.length === 0 && denyIps.length === 0) return null;
  const before = previous instanceof IpRules ? previous : null;
  const { fileContents } = service.snapshot;
  return new IpRules(
    answers,
    allowIps.length === 0 ? null : AddressList.of(allowIps, fileContents, before?.allowed ?? null),
    AddressList.of(denyIps, fileContents, before?.denied ?? null),
  );
};
