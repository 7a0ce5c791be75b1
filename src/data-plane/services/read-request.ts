/** Which requests may be served by a reader. */

/** `upgrade` is the protocol of a real upgrade, else null. WebSockets usually write. */
export function isReadRequest(
  method: string,
  upgrade: string | null,
  readersAcceptWebsockets: boolean,
): boolean {
  if (method === "HEAD") return true;
  if (method !== "GET") return false;
  return readersAcceptWebsockets || upgrade === null || upgrade.toLowerCase() !== "websocket";
}
