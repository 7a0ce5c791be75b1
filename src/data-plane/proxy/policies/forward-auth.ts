/** Asks another server whether a request may pass: `--forward-auth`. */
import { parseForwardAuth } from "../../../config/forward-auth-place.ts";
import type { ServiceOptions } from "../../../config/options.ts";
import type { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import { type Fields, listElements, trimBlanks } from "../../../protocols/http/fields.ts";
import { skippedKeys } from "../../../protocols/http/key-spellings.ts";
import type { OutgoingHead } from "../../../protocols/http/outgoing-head.ts";
import type { DeliveredRequest, RoutedRequest } from "../request-stages.ts";
import { AuthHeads, questionText } from "./auth-head.ts";
import { type CopiedFields, reusableMs } from "./auth-memory.ts";
import { type AuthOutcome, AuthQuestion } from "./auth-question.ts";
import { AuthServer } from "./auth-server.ts";
import { DroppedKeys } from "./dropped-keys.ts";
import type { ClientResponse, Policy, PolicyContext, PolicyFactory, Verdict } from "./policy.ts";

class ForwardAuth implements Policy {
  readonly logName = "forward-auth";
  readonly server: AuthServer;
  /** Who is asked, and what is taken over of the answer: as long as it is the same, so is the server. */
  readonly serverKey: string;
  readonly #options: ServiceOptions;
  readonly #context: PolicyContext;
  readonly #heads: AuthHeads;
  /** What the answer may set; null: nothing. */
  readonly #dropsCopied: DroppedKeys | null;
  readonly #copied = new WeakMap<RoutedRequest, CopiedFields>();
  /** Of answers that begin or renew a session: for the client. */
  readonly #cookies = new WeakMap<RoutedRequest, readonly string[]>();

  constructor(options: ServiceOptions, context: PolicyContext, server: AuthServer) {
    this.server = server;
    this.serverKey = serverKey(options);
    this.#options = options;
    this.#context = context;
    this.#heads = new AuthHeads(options);
    const copied = options.forwardAuthCopyHeaders.map((name) => name.toLowerCase());
    this.#dropsCopied = copied.length === 0 ? null : new DroppedKeys(skippedKeys(copied));
  }

  onRequest(request: RoutedRequest): Verdict | Promise<Verdict> {
    const { service, exchange, decodedPath, matchedPrefix } = request;
    if (service.isHealthCheck(exchange.request.method, decodedPath, matchedPrefix)) return "pass";
    // A paused app can't be asked either.
    const mustWait = this.server.isOwnApp && service.gate.state !== "running";
    return mustWait ? this.#askWhenAdmitted(request) : this.#ask(request);
  }

  onOutgoing({ routed }: DeliveredRequest, head: OutgoingHead): void {
    if (this.#dropsCopied === null) return;
    head.dropped = this.#dropsCopied.with(head.dropped);
    for (const [name, value] of this.#copied.get(routed) ?? []) head.added.push(name, value);
  }

  onResponse({ routed }: DeliveredRequest, { fields }: ClientResponse): void {
    this.#giveCookies(routed, fields);
  }

  onSwitch({ routed }: DeliveredRequest, fields: Fields): void {
    this.#giveCookies(routed, fields);
  }

  #giveCookies(request: RoutedRequest, fields: Fields): void {
    const cookies = this.#cookies.get(request);
    if (cookies === undefined) return;
    const own = new Set(fields.all("set-cookie").map(cookieName));
    const others = cookies.filter((cookie) => !own.has(cookieName(cookie)));
    if (others.length === 0) return;
    for (const cookie of others) fields.append("Set-Cookie", cookie, "set-cookie");
    // A shared cache would give the session to others.
    const rest = listElements(fields.joined("cache-control") ?? "").filter(
      (element) => !/^(?:public|private|s-maxage)\b/i.test(element),
    );
    fields.set("Cache-Control", ["private", ...rest].join(", "));
  }

  async #askWhenAdmitted(request: RoutedRequest): Promise<Verdict> {
    if (!(await this.#context.admit(request))) return "answered-elsewhere";
    return await this.#ask(request);
  }

  #ask(request: RoutedRequest): Verdict | Promise<Verdict> {
    const { memory, target } = this.server;
    const head = this.#heads.of(request, this.server.authority(request), target);
    if (!memory.isOfUse) return this.#askServer(request, head, null);
    const key = this.#context.digest(questionText(head));
    const known = memory.find(key);
    if (known === null) return this.#askServer(request, head, key);
    return known instanceof Promise
      ? this.#askAfter(known, request, head, key)
      : this.#pass(request, known);
  }

  async #askAfter(
    other: Promise<CopiedFields | null>,
    request: RoutedRequest,
    head: OutgoingHead,
    key: string,
  ): Promise<Verdict> {
    const copied = await other;
    if (copied !== null || request.exchange.aborted) return this.#pass(request, copied ?? []);
    return await this.#askServer(request, head, key);
  }

  async #askServer(
    request: RoutedRequest,
    head: OutgoingHead,
    key: string | null,
  ): Promise<Verdict> {
    const { server } = this;
    const { answers, clock, digest } = this.#context;
    const timeoutMs = this.#options.forwardAuthTimeoutMs;
    const question = new AuthQuestion(request, head, { server, answers, clock, timeoutMs });
    const reused = Promise.withResolvers<CopiedFields | null>();
    if (key !== null) server.memory.asks(key, reused.promise);
    const outcome = await question.ask();
    if (outcome.kind !== "passed") {
      reused.resolve(null);
      return this.#refuse(request, outcome);
    }
    const cookies = outcome.answer.all("set-cookie");
    if (cookies.length > 0) this.#cookies.set(request, cookies);
    const copied = copiedFields(outcome.answer, this.#options.forwardAuthCopyHeaders);
    const lifeMs = reusableMs(outcome.answer);
    if (lifeMs > 0) server.memory.put(key ?? digest(questionText(head)), copied, lifeMs);
    reused.resolve(lifeMs > 0 ? copied : null);
    return this.#pass(request, copied);
  }

  #pass(request: RoutedRequest, copied: CopiedFields): Verdict {
    this.#copied.set(request, copied);
    return "pass";
  }

  #refuse(request: RoutedRequest, outcome: Exclude<AuthOutcome, { kind: "passed" }>): Verdict {
    const { answers } = this.#context;
    switch (outcome.kind) {
      case "answered":
        break;
      case "gone":
        // The log says so.
        return "pass";
      case "nobody":
        answers.page(request, "auth-server-missing");
        break;
      case "busy":
        answers.pageWith(request, "auth-server-busy", [["Retry-After", "1"]]);
        break;
      case "failed":
        this.#fail(request, outcome.error);
        break;
    }
    return "answered";
  }

  #fail(request: RoutedRequest, error: ExchangeError): void {
    const isLate = error.code === "response-timeout" || error.code === "connect-timeout";
    const code = isLate ? "auth-server-timeout" : "auth-server-failed";
    this.#context.answers.page(request, code);
    request.error = `${code}: ${error.message}`;
    this.#context.logger.error("Unable to ask the server of --forward-auth", {
      service: request.service.name,
      path: request.decodedPath,
      error: error.message,
    });
  }
}

function copiedFields(answer: Fields, names: readonly string[]): CopiedFields {
  return names.flatMap((name) =>
    answer.all(name.toLowerCase()).map((value): [string, string] => [name, value]),
  );
}

function cookieName(setCookie: string): string {
  return trimBlanks(setCookie.split("=", 1)[0]!);
}

function serverKey({ forwardAuth, forwardAuthCopyHeaders }: ServiceOptions): string {
  return [forwardAuth, ...forwardAuthCopyHeaders].join("\n");
}

export const forwardAuth: PolicyFactory = ({ options }, context, previous) => {
  const before = previous instanceof ForwardAuth ? previous : null;
  const named = parseForwardAuth(options.forwardAuth);
  if (named !== null && before?.serverKey === serverKey(options)) {
    return new ForwardAuth(options, context, before.server);
  }
  before?.server.retire();
  return named === null ? null : new ForwardAuth(options, context, new AuthServer(named, context));
};
