/** Asks for user and password (RFC 7617): `--basic-auth`. */
import { type Credential, credentialLines, readCredentials } from "../../../config/credentials.ts";
import type { ServiceOptions } from "../../../config/options.ts";
import type { FileContents } from "../../../config/named-files.ts";
import { skippedKeys } from "../../../protocols/http/key-spellings.ts";
import type { OutgoingHead } from "../../../protocols/http/outgoing-head.ts";
import { byteString } from "../../services/byte-string.ts";
import type { Answers } from "../answers/answers.ts";
import type { DeliveredRequest, RoutedRequest } from "../request-stages.ts";
import { givenCredentials, type GivenCredentials } from "../../../access/basic-credentials.ts";
import {
  type PasswordChecker,
  type PasswordVerdict,
  retryAfter,
} from "../../../access/password-checker.ts";
import { DroppedKeys } from "./dropped-keys.ts";
import { PathScope } from "./path-scope.ts";
import type { Policy, PolicyContext, PolicyFactory, Verdict } from "./policy.ts";

const dropsCredentials = new DroppedKeys(skippedKeys(["authorization"]));

class BasicAuth implements Policy {
  readonly logName = "basic-auth";
  /** By user. Null when they could not be read: nobody passes. */
  readonly #users: ReadonlyMap<string, Credential> | null;
  readonly #exempt: PathScope;
  readonly #forwards: boolean;
  readonly #challenge: [name: string, value: string];
  readonly #answers: Answers;
  readonly #passwords: PasswordChecker;

  constructor(
    options: ServiceOptions,
    credentials: Credential[] | null,
    { answers, passwords }: PolicyContext,
  ) {
    this.#users =
      credentials === null || credentials.length === 0
        ? null
        : new Map(credentials.map((credential) => [credential.user, credential]));
    this.#exempt = new PathScope(options.basicAuthExemptPaths);
    this.#forwards = options.basicAuthForward;
    const realm = byteString(options.basicAuthRealm).replace(/["\\]/g, "\\$&");
    this.#challenge = ["WWW-Authenticate", `Basic realm="${realm}", charset="UTF-8"`];
    this.#answers = answers;
    this.#passwords = passwords;
  }

  onRequest(request: RoutedRequest): Verdict | Promise<Verdict> {
    if (this.#isExempt(request)) return "pass";
    if (this.#users === null) {
      this.#answers.page(request, "credentials-unreadable");
      return "answered";
    }
    const given = givenCredentials(request.exchange.request.fields.all("authorization"));
    if (given === null) return this.#refuse(request, "wrong");
    const verdict = this.#check(request, given, this.#users);
    if (verdict instanceof Promise) return verdict.then((late) => this.#decide(request, late));
    return this.#decide(request, verdict);
  }

  onOutgoing({ routed }: DeliveredRequest, head: OutgoingHead): void {
    if (this.#forwards || this.#isExempt(routed)) return;
    head.dropped = dropsCredentials.with(head.dropped);
  }

  #check(
    { clientAddress }: RoutedRequest,
    { user, password }: GivenCredentials,
    users: ReadonlyMap<string, Credential>,
  ): PasswordVerdict | Promise<PasswordVerdict> {
    const decoy = users.values().next().value!;
    return this.#passwords.check(clientAddress, user, password, users.get(user) ?? null, decoy);
  }

  #decide(request: RoutedRequest, verdict: PasswordVerdict): Verdict {
    return verdict === "right" ? "pass" : this.#refuse(request, verdict);
  }

  #refuse(request: RoutedRequest, verdict: Exclude<PasswordVerdict, "right">): Verdict {
    // Who has left meanwhile gets none, and the log says so.
    if (request.exchange.aborted) return "pass";
    if (verdict === "wrong") {
      this.#answers.pageWith(request, "credentials-refused", [this.#challenge]);
    } else if (verdict === "busy") {
      this.#answers.pageWith(request, "too-many-checks", [["Retry-After", "1"]]);
    } else {
      this.#answers.pageWith(request, "too-many-attempts", [retryAfter(verdict)]);
    }
    return "answered";
  }

  #isExempt(request: RoutedRequest): boolean {
    const { service, exchange, decodedPath, matchedPrefix } = request;
    return (
      service.isHealthCheck(exchange.request.method, decodedPath, matchedPrefix) ||
      this.#exempt.surelyMeans(request)
    );
  }
}

export const basicAuth: PolicyFactory = ({ options, snapshot }, context) => {
  const { basicAuth: entries, basicAuthFile } = options;
  if (entries.length === 0 && basicAuthFile === "") return null;
  return new BasicAuth(
    options,
    credentialsOf(entries, basicAuthFile, snapshot.fileContents),
    context,
  );
};

function credentialsOf(
  entries: readonly string[],
  path: string,
  files: FileContents,
): Credential[] | null {
  if (path === "") return readCredentials(entries);
  const text = files[path];
  return text === undefined ? null : readCredentials([...credentialLines(text), ...entries]);
}
