/** Serves only who has shown a certificate in the TLS handshake: `--tls-client-ca-path`. */
import type { ClientAuthorities } from "../../../config/client-authorities.ts";
import type { ClientAuthentication } from "../../../protocols/http/exchange.ts";
import type { RefusalCode } from "../answers/failure.ts";
import type { RoutedRequest } from "../request-stages.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

interface Refusal {
  code: RefusalCode;
  /** For the log line; null: what the code says already. */
  reason: string | null;
}

export const clientCertificates: PolicyFactory = (service, { answers, services }) => {
  // One below a path follows the root of each of its hosts, which may be deployed later.
  if (service.servesRootPath && service.clientCertificates === null) return null;
  const refusalOf = (request: RoutedRequest): Refusal | null => {
    const { hostName, scheme, client } = request.exchange.request;
    const rule = services.clientCertificates(service, hostName);
    if (rule === null) return null;
    if (rule.authorities === null) return { code: "client-authorities-unreadable", reason: null };
    if (scheme === "http") return rule.required ? missing : null;
    const { authentication } = client;
    // Whoever was asked for a certificate of others has shown nothing that counts here.
    if (authentication === undefined || !isPart(authentication.authorities, rule.authorities)) {
      return { code: "misdirected", reason: null };
    }
    return shownRefusal(authentication, rule.required);
  };
  const policy: Policy = {
    logName: "client-certificate",
    onRequest(request) {
      const refusal = refusalOf(request);
      if (refusal === null) return "pass";
      answers.page(request, refusal.code);
      if (refusal.reason !== null) request.error = `${refusal.code}: ${refusal.reason}`;
      return "answered";
    },
    onOutgoing({ routed }, head) {
      const { hostName, client } = routed.exchange.request;
      const { certificate, authorities } = client.authentication ?? nothingShown;
      if (certificate === null) return;
      const wanted = services.clientCertificates(service, hostName)?.authorities ?? null;
      if (wanted === null || !isPart(authorities, wanted)) return;
      head.added.push("X-Client-Cert-Fingerprint", certificate.fingerprint);
      head.added.push("X-Client-Cert-Serial", certificate.serial);
      head.added.push("X-Client-Cert-Subject", certificate.subject);
    },
  };
  return policy;
};

const nothingShown: ClientAuthentication = {
  authorities: new Set(),
  certificate: null,
  fault: null,
};
const missing: Refusal = { code: "client-certificate-missing", reason: null };

function shownRefusal(shown: ClientAuthentication, isRequired: boolean): Refusal | null {
  if (shown.fault !== null) return { code: "client-certificate-refused", reason: shown.fault };
  return shown.certificate === null && isRequired ? missing : null;
}

/** Who trusts more than before has nobody come again. */
function isPart(asked: ClientAuthorities, wanted: ClientAuthorities): boolean {
  return asked === wanted || [...asked].every((authority) => wanted.has(authority));
}
