/** The settings that say who may use a service, and how much; part of the settings of a service. */
import { absolutePathFault, addressEntryFault } from "./address-entries.ts";
import { credentialFault, hashedLike, shownCredential } from "./credentials.ts";
import { parseForwardAuth } from "./forward-auth-place.ts";
import { headerNameFault } from "./header-rule.ts";
import { parseRate } from "./rate.ts";
import { emptyTimeFault, negativeFault, type SettingTable } from "./setting.ts";

const SECOND = 1_000;
const maxBurst = 1_000_000;

export const accessSettings = {
  allowIps: {
    kind: "list",
    flag: "allow-ip",
    stateKey: "allow_ips",
    own: true,
    protects: true,
    fallback: [],
    example: ["10.0.0.0/8", "2001:db8::1"],
    fault: addressEntryFault,
    help: "Address or CIDR block that alone may use the service, or @FILE of them (repeatable)",
  },
  denyIps: {
    kind: "list",
    flag: "deny-ip",
    stateKey: "deny_ips",
    own: true,
    protects: true,
    fallback: [],
    example: ["@/etc/denied"],
    fault: addressEntryFault,
    help: "Address or CIDR block that may not use the service, or @FILE of them (repeatable)",
  },
  rateLimit: {
    kind: "text",
    flag: "rate-limit",
    stateKey: "rate_limit",
    own: true,
    fallback: "",
    example: "20/s",
    fault: (text) =>
      text === "" || parseRate(text, 0) !== null
        ? undefined
        : "must be a number for each second, minute or hour, such as 20/s, 100/m or 1000/h",
    help: "Requests that one client may send, such as 20/s, 100/m or 1000/h",
  },
  rateLimitBurst: {
    kind: "count",
    flag: "rate-limit-burst",
    stateKey: "rate_limit_burst",
    own: true,
    fallback: 0,
    example: 50,
    fault: (count) => (count < 0 || count > maxBurst ? `must be 0 to ${maxBurst}` : undefined),
    help: "Requests that one client may send at once (0: the number of the rate)",
  },
  rateLimitKey: {
    kind: "text",
    flag: "rate-limit-key",
    stateKey: "rate_limit_key",
    own: true,
    fallback: "ip",
    example: "header:X-Api-Key",
    fault: (key) =>
      /^(?:ip|(?:header|cookie):[!#$%&'*+\-.^_`|~0-9A-Za-z]+)$/.test(key)
        ? undefined
        : "must be ip, header:NAME or cookie:NAME",
    help: "What clients are told apart by: ip, header:NAME or cookie:NAME",
  },
  rateLimitExemptIps: {
    kind: "list",
    flag: "rate-limit-exempt-ip",
    stateKey: "rate_limit_exempt_ips",
    own: true,
    fallback: [],
    example: ["127.0.0.1"],
    fault: addressEntryFault,
    help: "Address or CIDR block without a rate limit, or @FILE of them (repeatable)",
  },
  rateLimitPaths: {
    kind: "list",
    flag: "rate-limit-path",
    stateKey: "rate_limit_paths",
    own: true,
    fallback: [],
    example: ["/login"],
    fault: pathRuleFault,
    help: "Path below which alone the rate is limited (repeatable)",
  },
  basicAuth: {
    kind: "lines",
    flag: "basic-auth",
    stateKey: "basic_auth",
    own: true,
    protects: true,
    secret: true,
    fallback: [],
    example: ["ann:$2b$10$7EqJtq98hPqEX7fNZaFWoO7HbN1u1Zj6i1KZ1VhCzZ0b3gM0cQ2yK"],
    fault: credentialFault,
    shown: (entries) => entries.map(shownCredential),
    checkedAs: hashedLike,
    help: "User and hash of the password, user:hash, that the service asks for (repeatable)",
  },
  basicAuthFile: {
    kind: "text",
    flag: "basic-auth-file",
    stateKey: "basic_auth_file",
    own: true,
    protects: true,
    file: true,
    fallback: "",
    example: "/etc/htpasswd",
    fault: (path) => (path === "" ? undefined : absolutePathFault(path)),
    help: "File of users and hashes as htpasswd -B makes it",
  },
  basicAuthRealm: {
    kind: "text",
    flag: "basic-auth-realm",
    stateKey: "basic_auth_realm",
    own: true,
    fallback: "Restricted",
    example: "Staging",
    fault: (realm) =>
      // oxlint-disable-next-line no-control-regex
      /[\0-\x1f\x7f]/.test(realm) ? "must not have control characters" : undefined,
    help: "Name of what is protected, as browsers show it",
  },
  basicAuthExemptPaths: {
    kind: "list",
    flag: "basic-auth-exempt-path",
    stateKey: "basic_auth_exempt_paths",
    own: true,
    fallback: [],
    example: ["/webhooks"],
    fault: pathRuleFault,
    help: "Path below which no password is asked for (repeatable)",
  },
  basicAuthForward: {
    kind: "switch",
    flag: "basic-auth-forward",
    stateKey: "basic_auth_forward",
    own: true,
    fallback: false,
    help: "Let the app have the Authorization header with user and password",
  },
  forwardAuth: {
    kind: "text",
    flag: "forward-auth",
    stateKey: "forward_auth",
    own: true,
    operatorOnly: true,
    protects: true,
    fallback: "",
    example: "http://auth:4180/",
    fault: (text) =>
      text === "" || parseForwardAuth(text) !== null
        ? undefined
        : "must be http(s)://HOST/PATH without user and password, /PATH, or service:NAME/PATH",
    help: "Who is asked whether a request may pass: a URL, /PATH of the app itself, or service:NAME/PATH",
  },
  forwardAuthCopyHeaders: {
    kind: "list",
    flag: "forward-auth-copy-header",
    stateKey: "forward_auth_copy_headers",
    own: true,
    operatorOnly: true,
    fallback: [],
    example: ["X-Auth-Request-User"],
    fault: (name) =>
      name.toLowerCase() === "host" ? "host can't be copied" : headerNameFault(name),
    help: "Header of the answer of --forward-auth that the app gets, from nobody else (repeatable)",
  },
  forwardAuthTimeoutMs: {
    kind: "duration",
    flag: "forward-auth-timeout",
    stateKey: "forward_auth_timeout",
    own: true,
    operatorOnly: true,
    fallback: 5 * SECOND,
    fault: emptyTimeFault,
    help: "Time that the answer of --forward-auth may take to begin",
  },
  maxInFlight: {
    kind: "count",
    flag: "max-in-flight",
    stateKey: "max_in_flight",
    own: true,
    fallback: 0,
    example: 100,
    fault: negativeFault,
    help: "Requests of the service that may be under way at once (0: no limit)",
  },
  queueTimeoutMs: {
    kind: "duration",
    flag: "queue-timeout",
    stateKey: "queue_timeout",
    own: true,
    fallback: 0,
    fault: negativeFault,
    help: "Time that requests beyond max-in-flight wait for their turn (0s: none)",
  },
  denyUserAgents: {
    kind: "lines",
    flag: "deny-user-agent",
    stateKey: "deny_user_agents",
    own: true,
    fallback: [],
    example: ["curl/7.*"],
    fault: (pattern) =>
      /^\**$/.test(pattern) ? "must have more than asterisks: it would mean everybody" : undefined,
    help: "Text in User-Agent of clients that may not use the service, * for any (repeatable)",
  },
  denyCrawlers: {
    kind: "list",
    flag: "deny-crawlers",
    stateKey: "deny_crawlers",
    own: true,
    fallback: [],
    example: ["ai"],
    fault: (word) => (word === "ai" ? undefined : "must be ai"),
    help: "Known crawlers that may not use the service: ai",
  },
  tlsClientCaPath: {
    kind: "text",
    flag: "tls-client-ca-path",
    operatorOnly: true,
    stateKey: "tls_client_ca_path",
    own: true,
    protects: true,
    file: true,
    fallback: "",
    example: "/etc/cloudflare/origin-pull-ca.pem",
    fault: (path) => (path === "" ? undefined : absolutePathFault(path)),
    help: "File with the authorities (PEM) whose certificates clients are asked for",
  },
  tlsClientAuth: {
    kind: "choice",
    words: ["require", "request"],
    flag: "tls-client-auth",
    operatorOnly: true,
    stateKey: "tls_client_auth",
    own: true,
    fallback: "require",
    help: "Whether clients have to show a certificate: require, or request",
  },
} as const satisfies SettingTable;

/** Query and fragment are no part of a path; a dot segment would never be found. */
function pathRuleFault(path: string): string | undefined {
  if (!path.startsWith("/")) return "must begin with /";
  return /[?#]|\/\.\.?(?:\/|$)/.test(path)
    ? "must be a path alone, without query and dot segments"
    : undefined;
}
