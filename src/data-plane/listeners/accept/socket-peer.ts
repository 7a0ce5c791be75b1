/** Who is at the other end of an accepted socket. */
import { unmapIpv4 } from "../../../net/socket-address.ts";
import type { ProxySource } from "../../../protocols/proxy-protocol/proxy-header.ts";

/** Null for a client that has gone before it was accepted: whatever Bun's types say, it has no address. */
export function peerOf(socket: {
  readonly remoteAddress: string;
  readonly remotePort: number;
}): ProxySource | null {
  const address = socket.remoteAddress as string | undefined;
  return address === undefined ? null : { address: unmapIpv4(address), port: socket.remotePort };
}
