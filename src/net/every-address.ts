/** Where a listener listens: on all addresses of the machine, also where there is no IPv6, or on a socket that it is given. */
import { codeOf } from "../lib/error-text.ts";

/** `listen` gets the host name to bind; an empty `bind` means every address, IPv4 and IPv6. */
export function listenOn<T>(bind: string, listen: (hostname: string) => T): T {
  if (bind !== "") return listen(bind);
  try {
    return listen("::");
  } catch (error) {
    // A kernel without IPv6 has no `::`; Bun tells it by a code only now and then.
    const code = codeOf(error);
    if (code === "EADDRINUSE" || code === "EACCES") throw error;
    return listen("0.0.0.0");
  }
}

export interface ListeningPlace {
  /** Empty: every address, IPv4 and IPv6. */
  bind: string;
  port: number;
  /** A socket that listens already; the listener closes it. Null or not given: it makes one of its own. */
  fd?: number | null;
}

/** Bun takes a descriptor in place of name and port, and its types leave that out. */
export function listenAt<T>(
  { bind, port, fd = null }: ListeningPlace,
  listen: (where: { hostname: string; port: number }) => T,
): T {
  if (fd !== null) return listen({ fd } as unknown as { hostname: string; port: number });
  return listenOn(bind, (hostname) => listen({ hostname, port }));
}
