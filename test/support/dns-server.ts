/** A name server on this machine, over UDP and TCP, that answers from a table and writes down what it was asked. */
import type { Socket } from "bun";

export interface DnsRecords {
  A?: string[];
  AAAA?: string[];
  CNAME?: string;
}

/** `silent`: never answered; `failing`: answered that the server can't tell. Undefined: no such name. */
export type DnsEntry = DnsRecords | "silent" | "failing" | undefined;

const openAttempts = 10;

export interface DnsServer extends Disposable {
  readonly address: string;
  /** By name in lower case, without final dot. */
  readonly names: Map<string, DnsEntry>;
  /** `name type` of each question, in order; those over TCP with `tcp` behind. */
  readonly questions: string[];
  /** Answers over UDP are cut off, so that clients must ask over TCP. */
  truncates: boolean;
  ttlSeconds: number;
}

const types: Record<number, "A" | "AAAA"> = { 1: "A", 28: "AAAA" };

/** Port 53 needs the right to take it. */
export async function startDnsServer(hostname = "127.0.0.1", port = 0): Promise<DnsServer> {
  const names = new Map<string, DnsEntry>();
  const questions: string[] = [];
  const answerTo = (query: Buffer, overTcp: boolean): Buffer | null => {
    const { name, type, end } = questionOf(query);
    questions.push(`${name} ${type}${overTcp ? " tcp" : ""}`);
    const entry = names.get(name);
    if (entry === "silent") return null;
    const header = Buffer.from(query.subarray(0, 12));
    const truncated = server.truncates && !overTcp;
    header[2] = 0x84 | (header[2]! & 1) | (truncated ? 2 : 0);
    header[3] = 0x80 | (entry === undefined ? 3 : entry === "failing" ? 2 : 0);
    const records =
      truncated || entry === undefined || entry === "failing"
        ? []
        : recordsOf(entry, type, server.ttlSeconds);
    header.writeUInt16BE(records.length, 6);
    header.fill(0, 8);
    return Buffer.concat([header, query.subarray(12, end), ...records]);
  };
  const { tcp, udp } = await openBoth(hostname, port, answerTo);
  const server: DnsServer = {
    address: `${hostname}:${tcp.port}`,
    names,
    questions,
    truncates: false,
    ttlSeconds: 600,
    [Symbol.dispose]() {
      udp.close();
      tcp.stop(true);
    },
  };
  return server;
}

type AnswerTo = (query: Buffer, overTcp: boolean) => Buffer | null;

/** The same port for both; with 0 one that is free for both, which the first may not be for the second. */
async function openBoth(
  hostname: string,
  port: number,
  answerTo: AnswerTo,
): Promise<{ tcp: Bun.TCPSocketListener<{ received: Buffer }>; udp: Bun.udp.Socket<"buffer"> }> {
  for (let attempt = 1; ; attempt++) {
    const tcp = Bun.listen<{ received: Buffer }>({
      hostname,
      port,
      data: { received: Buffer.alloc(0) },
      socket: {
        open(socket) {
          socket.data = { received: Buffer.alloc(0) };
        },
        data(socket, bytes) {
          socket.data.received = Buffer.concat([socket.data.received, bytes]);
          answerOverTcp(socket, answerTo);
        },
      },
    });
    try {
      const udp = await Bun.udpSocket({
        hostname,
        port: tcp.port,
        socket: {
          data(socket, bytes, peerPort, address) {
            const answer = answerTo(Buffer.from(bytes), false);
            if (answer !== null) socket.send(answer, peerPort, address);
          },
        },
      });
      return { tcp, udp };
    } catch (error) {
      tcp.stop(true);
      if (port !== 0 || attempt === openAttempts) throw error;
    }
  }
}

function answerOverTcp(socket: Socket<{ received: Buffer }>, answerTo: AnswerTo): void {
  const { received } = socket.data;
  if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
  const end = 2 + received.readUInt16BE(0);
  const answer = answerTo(received.subarray(2, end), true);
  socket.data.received = received.subarray(end);
  if (answer === null) return;
  const length = Buffer.alloc(2);
  length.writeUInt16BE(answer.length, 0);
  socket.write(Buffer.concat([length, answer]));
}

function questionOf(query: Buffer): { name: string; type: string; end: number } {
  const labels: string[] = [];
  let position = 12;
  while (query[position]! > 0) {
    const next = position + 1 + query[position]!;
    labels.push(query.toString("latin1", position + 1, next));
    position = next;
  }
  const type = query.readUInt16BE(position + 1);
  return {
    name: labels.join(".").toLowerCase(),
    type: types[type] ?? `${type}`,
    end: position + 5,
  };
}

function recordsOf(entry: DnsRecords, type: string, ttlSeconds: number): Buffer[] {
  const records: Buffer[] = [];
  // Points to the name of the question.
  let owner: Buffer = Buffer.from([0xc0, 12]);
  if (entry.CNAME !== undefined) {
    const target = encodeName(entry.CNAME);
    records.push(record(owner, 5, ttlSeconds, target));
    owner = target;
  }
  if (type === "A") {
    for (const address of entry.A ?? []) {
      records.push(record(owner, 1, ttlSeconds, Buffer.from(address.split(".").map(Number))));
    }
  } else if (type === "AAAA") {
    for (const address of entry.AAAA ?? []) {
      records.push(record(owner, 28, ttlSeconds, ipv6Bytes(address)));
    }
  }
  return records;
}

function record(owner: Buffer, type: number, ttlSeconds: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(ttlSeconds, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, fixed, data]);
}

function encodeName(name: string): Buffer {
  const labels = name.split(".").map((label) => {
    return Buffer.concat([Buffer.from([label.length]), Buffer.from(label, "latin1")]);
  });
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function ipv6Bytes(address: string): Buffer {
  const [before = "", after = ""] = address.split("::");
  const start = before === "" ? [] : before.split(":");
  const end = after === "" ? [] : after.split(":");
  const zeros = Array.from({ length: 8 - start.length - end.length }, () => "0");
  const groups = [...start, ...(address.includes("::") ? zeros : []), ...end];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of groups.entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index);
  return bytes;
}
