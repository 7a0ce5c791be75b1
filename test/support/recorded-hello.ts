/** The first bytes of a TLS client, to be sent by whoever looks only at what comes back. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import tls from "node:tls";

export async function recordHello(serverName: string): Promise<Buffer> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = tls.connect({ host: "127.0.0.1", port, servername: serverName });
  client.on("error", () => {});
  const [accepted] = (await once(server, "connection")) as [Socket];
  const [hello] = (await once(accepted, "data")) as [Buffer];
  accepted.destroy();
  client.destroy();
  server.close();
  return hello;
}
