/** Host names as they are compared, whoever wrote them: a deploy, a request, a handshake. */

/** Lower case, without the final dot of a full name. Applying it twice changes nothing. */
export function normalHostName(name: string): string {
  const lower = name.toLowerCase();
  const isFull = lower.endsWith(".") && lower.length > 1 && lower.at(-2) !== ".";
  return isFull ? lower.slice(0, -1) : lower;
}

/** The wildcard that stands for the name, `*.example.com` for `a.example.com`; null: none can. */
export function wildcardOf(name: string): string | null {
  const dot = name.indexOf(".");
  return dot > 0 ? `*${name.slice(dot)}` : null;
}
