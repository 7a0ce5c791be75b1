/** A client's socket whose handler threw: its connection's state is not to be trusted any more. */
import { stackOf } from "../../../lib/error-text.ts";
import type { Logger } from "../../../lib/logger.ts";
import type { ClientConnection } from "./client-connection.ts";

/** Bun tells such an error to the `error` handler, and of nothing else; the socket would stay open. */
export function closeFailedSocket(
  socket: { data: ClientConnection | null; terminate(): void },
  error: Error,
  logger: Logger,
): void {
  logger.error("Connection failed inside the proxy", { error: stackOf(error) });
  socket.data?.onClose(error);
  socket.terminate();
}
