/** Waiting for requests on a kept connection, for as long as it takes. */
import type { RawConnection } from "./raw-connection.ts";
import { waitFor } from "./wait-for.ts";

/** The head of the next request, or null when the connection has ended. */
export async function nextHead(connection: RawConnection): Promise<string | null> {
  await waitFor(
    () => connection.peerEnded || connection.unread.length > 0,
    "a request",
    Number.POSITIVE_INFINITY,
  );
  if (connection.peerEnded) return null;
  return await connection.receive("\r\n\r\n");
}
