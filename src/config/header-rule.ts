/** A rule of a header, `Name: value`, whose value may name what is known of the request. */

const variables = ["host", "scheme", "client_ip", "request_id", "path"] as const;
export type HeaderVariable = (typeof variables)[number];

/** Text that stands as it is, or a variable in its place. */
export type HeaderValuePart = string | { readonly variable: HeaderVariable };

export interface HeaderRule {
  name: string;
  value: readonly HeaderValuePart[];
}

/** They frame a message or belong to one connection (RFC 9110 7.6.1, RFC 9112 6): only the proxy can know them. */
const unchangeable = new Set([
  "connection",
  "content-length",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// oxlint-disable-next-line no-control-regex
const control = /[\0-\x08\x0a-\x1f\x7f]/;
/** `$$` is a dollar sign. */
const reference = /\$(\$|[a-z_]*)/g;

/** Of a rule without faults. */
export function parseHeaderRule(rule: string): HeaderRule {
  const colon = rule.indexOf(":");
  const text = rule.slice(colon + 1).trim();
  const value: HeaderValuePart[] = [];
  let end = 0;
  for (const { 0: whole, 1: name, index } of text.matchAll(reference)) {
    if (index > end) value.push(text.slice(end, index));
    value.push(name === "$" ? "$" : { variable: name as HeaderVariable });
    end = index + whole.length;
  }
  if (end < text.length) value.push(text.slice(end));
  return { name: rule.slice(0, colon).trim(), value };
}

/** Why a field of that name can't be changed. */
export function headerNameFault(name: string): string | undefined {
  if (!token.test(name)) return "must be the name of a field";
  // Servers behind CGI take `_` for `-`.
  return unchangeable.has(name.toLowerCase().replaceAll("_", "-"))
    ? "belongs to the connection or frames the message, and can't be changed"
    : undefined;
}

/** What can't be removed from a request, or be there twice: it says which site is meant (RFC 9110 7.2). */
export function nonHostNameFault(name: string): string | undefined {
  return name.toLowerCase() === "host" ? "host can only be set" : headerNameFault(name);
}

export function headerRuleFault(rule: string): string | undefined {
  const colon = rule.indexOf(":");
  if (colon < 0) return "must be NAME: VALUE";
  const nameFault = headerNameFault(rule.slice(0, colon).trim());
  if (nameFault !== undefined) return nameFault;
  const text = rule.slice(colon + 1).trim();
  if (control.test(text)) return "must not hold control characters";
  for (const [, name] of text.matchAll(reference)) {
    if (name !== "$" && !variables.includes(name as HeaderVariable)) {
      return `must name one of $${variables.join(", $")}, or $$ for a dollar sign`;
    }
  }
  return undefined;
}

export function addedHeaderFault(rule: string): string | undefined {
  const name = rule.split(":", 1)[0]!.trim();
  return name.toLowerCase() === "host" ? "host can only be set" : headerRuleFault(rule);
}
