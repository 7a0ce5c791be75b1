/**
 * Connections that the kernel keeps until they are accepted. Bun lets it keep 512: of a burst of more,
 * some clients have to ask again after a second or three. Listening anew on the same socket changes
 * the number, and only the system's own call can do that.
 */
import { acceptQueueLength } from "../../../config/limits.ts";
import { openLibc } from "../../../net/libc.ts";

/** The kernel takes its own limit (net.core.somaxconn) when that is lower. */
export function widenAcceptQueue(listener: object): void {
  const descriptor = descriptorOf(listener);
  if (descriptor >= 0) openLibc()?.listen(descriptor, acceptQueueLength);
}

/** Of its socket; -1 where Bun does not tell. */
export function descriptorOf(listener: object): number {
  return "fd" in listener && typeof listener.fd === "number" ? listener.fd : -1;
}
