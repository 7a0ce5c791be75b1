/** What is known of something that was thrown. */

const connectionFaults: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  ENOTFOUND: "name does not resolve",
  EAI_AGAIN: "no name server can tell the address",
  EMFILE: "too many open files",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network unreachable",
  ETIMEDOUT: "connection timed out",
  // Of routes that prohibit, firewalls that drop here, and routes into a black hole.
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EINVAL: "invalid argument",
  EADDRNOTAVAIL: "no free local port",
};

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Where it happened as well, for mistakes of the program. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The system's name for it, such as `ENOENT`; empty when it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Why a target can't be reached, in words. */
export function connectionFaultOf(error: unknown): string {
  const code = codeOf(error);
  return connectionFaults[code] ?? (code === "" ? messageOf(error) : code);
}

/** With the cause behind it, as one line for a log. */
export function messageWithCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const inner = cause instanceof Error && cause.message !== "" ? cause.message : undefined;
  if (inner === undefined || error.message.includes(inner)) return error.message;
  return `${error.message}: ${inner}`;
}
