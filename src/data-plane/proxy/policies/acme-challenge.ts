/** Answers HTTP-01 validations (RFC 8555 8.3) of services with automatic certificates. */
import { Fields } from "../../../protocols/http/fields.ts";
import type { RoutedRequest } from "../request-stages.ts";
import type { Policy, PolicyContext, PolicyFactory, Verdict } from "./policy.ts";

const challengePath = "/.well-known/acme-challenge/";

/** The same for all services. */
const made = new WeakMap<PolicyContext, Policy>();

export const acmeChallenge: PolicyFactory = (_service, context): Policy =>
  made.getOrInsertComputed(context, challengePolicy);

const challengePolicy = (context: PolicyContext): Policy => ({
  logName: null,
  onRequest: (request) =>
    request.exchange.request.path.startsWith(challengePath) ? answer(request, context) : "pass",
});

async function answer(request: RoutedRequest, context: PolicyContext): Promise<Verdict> {
  const { hostName, path } = request.exchange.request;
  const response = await context.challengeResponse(hostName, path);
  if (response === null) return "pass";
  const fields = Fields.of(["Content-Type", "text/plain; charset=utf-8"]);
  context.answers.respond(request, response.status, fields, Buffer.from(response.body));
  return "answered";
}
