/** The https port behind a load balancer: a PROXY header before TLS, on one and the same socket. */
import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { once } from "node:events";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { Fields } from "../../src/protocols/http/fields.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { TlsSite } from "../support/tls-site.ts";
import { waitFor, within } from "../support/wait-for.ts";

const header = "PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n";
const request = "GET /a HTTP/1.1\r\nHost: app.test\r\n\r\n";

let site: TlsSite;
const opened: Socket[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
  site[Symbol.dispose]();
});

function start(trusted: string): TlsSite {
  return new TlsSite(
    (exchange) =>
      exchange.respond(
        200,
        new Fields(),
        Buffer.from(`${exchange.request.client.address} ${exchange.request.client.port}`),
      ),
    { proxyPeers: [trusted] },
  );
}

/** Each part is sent once the one before it was taken by the port. */
async function shakeHandsBehind(...parts: string[]): Promise<TLSSocket> {
  const plain = connectTcp(site.port, "127.0.0.1");
  opened.push(plain);
  await once(plain, "connect");
  plain.setNoDelay(true);
  for (const part of parts) {
    plain.write(part);
    await waitFor(() => unreadBytesOf(plain.localPort!) === 0, "the part to be taken");
  }
  const secure = connectTls({ socket: plain, servername: "app.test", rejectUnauthorized: false });
  await within(once(secure, "secureConnect"), "the TLS handshake");
  return secure;
}

async function ask(secure: TLSSocket): Promise<string> {
  let received = "";
  secure.on("data", (chunk: Buffer) => void (received += chunk.toString()));
  secure.write(request);
  await waitFor(() => /\r\n\r\n\S+ \d+$/.test(received), "the answer");
  return received.slice(received.indexOf("\r\n\r\n") + 4);
}

interface TcpLine {
  localPort: number;
  remotePort: number;
  isListening: boolean;
  unreadBytes: number;
  inode: string;
}

function tcpLines(): TcpLine[] {
  const lines: TcpLine[] = [];
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readFileSync(file, "latin1").split("\n").slice(1)) {
      const [, local, remote, state, queues, , , , , inode] = line.trim().split(/\s+/);
      if (inode === undefined) continue;
      const port = (name: string): number => Number.parseInt(name.split(":")[1]!, 16);
      lines.push({
        localPort: port(local!),
        remotePort: port(remote!),
        isListening: state === "0A",
        unreadBytes: Number.parseInt(queues!.split(":")[1]!, 16),
        inode,
      });
    }
  }
  return lines;
}

/** What a client has sent and the port has not read. */
function unreadBytesOf(clientPort: number): number {
  const line = tcpLines().find(
    ({ localPort, remotePort }) => localPort === site.port && remotePort === clientPort,
  );
  return line?.unreadBytes ?? 0;
}

function ownListeningPorts(): number[] {
  const inodes = new Set<string>();
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      inodes.add(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? "");
    } catch {
      // Closed in the meantime.
    }
  }
  return tcpLines()
    .filter(({ isListening, inode }) => isListening && inodes.has(inode))
    .map(({ localPort }) => localPort);
}

describe("the https port behind a load balancer", () => {
  test("has no other port by which somebody could come without a header", () => {
    const before = ownListeningPorts();
    site = start("127.0.0.1");
    expect(ownListeningPorts().filter((port) => !before.includes(port))).toEqual([site.port]);
  });

  test("serves the client of the header, however it is cut", async () => {
    site = start("127.0.0.1");
    for (const cut of [header.length, 1, 10, header.length - 1]) {
      const parts = [header.slice(0, cut), header.slice(cut)].filter((part) => part !== "");
      const secure = await shakeHandsBehind(...parts);
      expect(await ask(secure)).toBe("203.0.113.7 4711");
    }
  });

  test("serves peers that are not trusted as themselves, to whom a header is no TLS", async () => {
    site = start("203.0.113.1");
    const secure = await shakeHandsBehind();
    expect(await ask(secure)).toBe(`127.0.0.1 ${opened[0]!.localPort}`);
    using client = await connectRaw(site.port);
    client.send(header);
    await client.receiveAll();
    expect(site.exchanges.length).toBe(1);
  });

  test("closes what begins with anything else, or ends within the header, and says so", async () => {
    site = start("127.0.0.1");
    using nonsense = await connectRaw(site.port);
    nonsense.send(Buffer.from("16030100f0010000ec0303", "hex"));
    expect((await nonsense.receiveAll()).length).toBe(0);
    using cut = await connectRaw(site.port);
    cut.send("PROXY TCP4 203").end();
    expect((await cut.receiveAll()).length).toBe(0);
    expect(site.proxyHeaderFaults.map(({ reason }) => reason)).toEqual([
      "no PROXY header",
      "connection ended within the PROXY header",
    ]);
  });

  test("stops without waiting for those that have sent no header", async () => {
    site = start("127.0.0.1");
    using silent = await connectRaw(site.port);
    silent.send("PROXY");
    await waitFor(() => unreadBytesOf(silent.localPort) === 0, "the bytes to be taken");
    await within(site.listener.finish(), "the stop");
    expect((await silent.receiveAll()).length).toBe(0);
  });
});
