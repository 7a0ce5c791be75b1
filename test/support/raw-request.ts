/** Sends exact bytes to a local port and gives back the exact answer. */
import { connectRaw, type RawConnectOptions } from "./raw-connection.ts";

export interface RawRequestOptions extends RawConnectOptions {
  /** Stop at this text instead of at the end of the connection. */
  until?: string;
}

/** Several pieces are sent in separate turns of the event loop, so they mostly arrive as separate reads. The answer is latin1 text. */
export async function rawRequest(
  port: number,
  bytes: string | Uint8Array | (string | Uint8Array)[],
  options: RawRequestOptions = {},
): Promise<string> {
  using connection = await connectRaw(port, options);
  for (const piece of Array.isArray(bytes) ? bytes : [bytes]) {
    connection.send(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (options.until !== undefined) return await connection.receive(options.until);
  return (await connection.receiveAll()).toString("latin1");
}
