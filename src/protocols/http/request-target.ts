/** The request target (RFC 9112 3.2), split without changing a byte of it. */

export interface RequestTarget {
  /** Begins with a slash; exactly as sent. `*` for `OPTIONS *`. */
  path: string;
  /** With its question mark, so that an empty query is told from none; exactly as sent. */
  query: string;
  /** Host of a target in absolute form; it overrides the Host field (RFC 9112 3.2.2). */
  authority: string | null;
}

/** Undefined when the target has none of the forms that a proxy of web apps serves. */
export function parseRequestTarget(target: string, method: string): RequestTarget | undefined {
  if (target.charCodeAt(0) === 0x2f) return splitQuery(target, null);
  if (target === "*")
    return method === "OPTIONS" ? { path: "*", query: "", authority: null } : undefined;

  const scheme = /^https?:\/\//i.exec(target);
  if (scheme === null) return undefined;
  const start = scheme[0].length;
  const slash = target.slice(start).search(/[/?]/);
  const authority = slash < 0 ? target.slice(start) : target.slice(start, start + slash);
  if (authority === "" || authority.includes("@")) return undefined;
  if (slash < 0) return { path: "/", query: "", authority };
  const rest = target.slice(start + slash);
  return splitQuery(rest.charCodeAt(0) === 0x2f ? rest : `/${rest}`, authority);
}

function splitQuery(text: string, authority: string | null): RequestTarget | undefined {
  if (text.includes("#")) return undefined;
  const question = text.indexOf("?");
  if (question < 0) return { path: text, query: "", authority };
  return { path: text.slice(0, question), query: text.slice(question), authority };
}
