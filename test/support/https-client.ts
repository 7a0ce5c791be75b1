/** HTTP/1.1 over TLS byte by byte, trusting any certificate. */
import { connectRaw, type RawConnection } from "./raw-connection.ts";
import { readResponse, type RawResponse } from "./raw-response.ts";

/** A connection whose handshake is done, with this server name. */
export async function connectHttps(port: number, serverName = "app.test"): Promise<RawConnection> {
  return connectRaw(port, { tls: { serverName, rejectUnauthorized: false } });
}

/** One GET on a connection that stays open. */
export async function get(
  connection: RawConnection,
  path = "/",
  host = "app.test",
): Promise<RawResponse> {
  connection.send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return readResponse(connection);
}

/** One GET on a connection of its own. */
export async function getOnce(
  port: number,
  host = "app.test",
  path = "/",
  serverName = host,
): Promise<RawResponse> {
  using connection = await connectHttps(port, serverName);
  return await get(connection, path, host);
}
