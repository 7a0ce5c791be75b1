/** An issuer of certificates that does what a test tells it. */
import type {
  CertificateIssuer,
  ChallengeType,
  IssuedCertificate,
  IssueRequest,
} from "../../src/control-plane/certificates/acme/issuer.ts";
import { createPrivateKey } from "node:crypto";
import { createCertificate } from "./certificates.ts";

export interface PendingIssue {
  readonly request: IssueRequest;
  /** Issues a certificate for the name that was asked for, unless told otherwise. */
  issue(options: IssueOptions): void;
  fail(error: Error): void;
}

export interface IssueOptions {
  notBeforeMs: number;
  notAfterMs: number;
  name?: string;
  challenge?: ChallengeType;
}

export class ScriptedIssuer implements CertificateIssuer {
  /** Every request so far. */
  readonly issues: PendingIssue[] = [];

  issue(request: IssueRequest): Promise<IssuedCertificate> {
    const { promise, resolve, reject } = Promise.withResolvers<IssuedCertificate>();
    request.signal.addEventListener("abort", () => reject(request.signal.reason));
    this.issues.push({
      request,
      fail: reject,
      issue: ({ notBeforeMs, notAfterMs, name = request.name, challenge = "http-01" }) => {
        const { certificate } = createCertificate([name], {
          notBefore: new Date(notBeforeMs),
          notAfter: new Date(notAfterMs),
          key: createPrivateKey(request.privateKey),
        });
        resolve({ certificate, challenge });
      },
    });
    return promise;
  }

  /** None says when it wants its certificates renewed. */
  async renewalWindow(): Promise<null> {
    return null;
  }

  /** Names of all requests so far. */
  get names(): string[] {
    return this.issues.map(({ request }) => request.name);
  }

  get last(): PendingIssue {
    return this.issues.at(-1)!;
  }
}
