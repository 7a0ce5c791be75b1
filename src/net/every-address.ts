/** Listening on all addresses of the machine, also where there is no IPv6. */
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
