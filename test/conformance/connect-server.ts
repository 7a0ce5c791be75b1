/**
 * What connectconformance takes for a server: the reference server with the proxy in front. Reads a
 * ServerCompatRequest from standard input, answers with a ServerCompatResponse, serves until a signal comes.
 * `bun connect-server.ts PATH-OF-REFERENCESERVER`.
 */
import { join } from "node:path";
import { ProxyProcess } from "../support/proxy-process.ts";

const [referenceServer = ""] = Bun.argv.slice(2);

/** Messages of protobuf as far as they are needed: numbers and bytes by field. */
type Message = Map<number, number | Buffer>;

const http1 = 1;
const http2 = 2;
const requestFields = { version: 2, useTls: 4, clientCertificate: 5, credentials: 7 };
const responseFields = { host: 1, port: 2, certificate: 3 };

const request = await readMessage(Bun.stdin.stream().getReader());
const useTls = request.get(requestFields.useTls) === 1;
const version = request.get(requestFields.version);
const credentials = request.get(requestFields.credentials);
for (const field of [
  requestFields.useTls,
  requestFields.clientCertificate,
  requestFields.credentials,
])
  request.delete(field);

const server = Bun.spawn([referenceServer], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
server.stdin.write(framed(encode(request)));
await server.stdin.flush();
const answer = await readMessage(server.stdout.getReader());
const healthy = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("ok") });

const proxy = await ProxyProcess.start({ metrics: false });
const flags = [
  `--health-check-port=${healthy.port}`,
  `--target-protocol=${version === http1 ? "h1" : version === http2 ? "h2c" : "auto"}`,
];
const response: Message = new Map([[responseFields.host, Buffer.from("127.0.0.1")]]);
if (useTls) {
  const pair = decode(credentials as Buffer);
  const [certificate, key] = [pair.get(1) as Buffer, pair.get(2) as Buffer];
  await Bun.write(join(proxy.home, "app.pem"), certificate);
  await Bun.write(join(proxy.home, "app.key"), key);
  flags.push("--host=127.0.0.1", "--tls");
  flags.push(`--tls-certificate-path=${join(proxy.home, "app.pem")}`);
  flags.push(`--tls-private-key-path=${join(proxy.home, "app.key")}`);
  response.set(responseFields.certificate, certificate);
}
response.set(responseFields.port, useTls ? proxy.httpsPort : proxy.httpPort);
await proxy.deploy("app", `127.0.0.1:${answer.get(responseFields.port) as number}`, ...flags);
process.stdout.write(framed(encode(response)));

// The runner ends us with a signal.
process.on("SIGTERM", () => void end());
process.on("SIGINT", () => void end());

async function end(): Promise<never> {
  server.kill();
  await healthy.stop(true);
  await proxy[Symbol.asyncDispose]();
  process.exit(0);
}

/** Four bytes of length, then the message. */
async function readMessage(reader: {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
}): Promise<Message> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0))
      return decode(bytes.subarray(4, 4 + bytes.readUInt32BE(0)));
    const { done, value } = await reader.read();
    if (done || value === undefined) throw new Error("the input ended within a message");
    bytes = Buffer.concat([bytes, value]);
  }
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message]);
}

function decode(bytes: Buffer): Message {
  const message: Message = new Map();
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = number();
    if (tag % 8 === 0) {
      message.set(tag >> 3, number());
    } else {
      const length = number();
      message.set(tag >> 3, bytes.subarray(at, at + length));
      at += length;
    }
  }
  return message;
}

function encode(message: Message): Buffer {
  const parts: Buffer[] = [];
  for (const [field, value] of message) {
    if (typeof value === "number") parts.push(varint(field * 8), varint(value));
    else parts.push(varint(field * 8 + 2), varint(value.length), value);
  }
  return Buffer.concat(parts);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}
