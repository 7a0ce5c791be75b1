/**
 * The messages of dynamic updates: a question for the SOA of a name (RFC 1035), an update that adds or deletes one
 * TXT record (RFC 2136), and signatures by a shared key (TSIG, RFC 8945). Pure but for the hash.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

const types = { SOA: 6, TXT: 16, TSIG: 250 } as const;
const classes = { IN: 1, NONE: 254, ANY: 255 } as const;
const headerBytes = 12;
/** Seconds that the clocks of both sides may differ by. */
const fudgeSeconds = 300;

export interface TsigKey {
  /** Lower case, without final dot. */
  name: string;
  algorithm: TsigAlgorithm;
  secret: Buffer;
}

export const tsigAlgorithms = {
  "hmac-sha1": "sha1",
  "hmac-sha224": "sha224",
  "hmac-sha256": "sha256",
  "hmac-sha384": "sha384",
  "hmac-sha512": "sha512",
} as const;
export type TsigAlgorithm = keyof typeof tsigAlgorithms;

/** By value (RFC 1035 4.1.1, RFC 2136 2.2). */
const responseCodes = [
  "NOERROR",
  "FORMERR",
  "SERVFAIL",
  "NXDOMAIN",
  "NOTIMP",
  "REFUSED",
  "YXDOMAIN",
  "YXRRSET",
  "NXRRSET",
  "NOTAUTH",
  "NOTZONE",
];
/** Of TSIG (RFC 8945 3). */
const signatureErrors: Record<number, string> = { 16: "BADSIG", 17: "BADKEY", 18: "BADTIME" };

export interface DnsReply {
  /** `NOERROR` when all went well. */
  code: string;
  /** Owner of the first SOA record among answers and authorities; null: none. */
  zone: string | null;
}

export interface Signature {
  message: Buffer;
  /** Of the request, which the answer's covers (RFC 8945 5.3). */
  mac: Buffer;
}

export function soaQuestion(id: number, name: string): Buffer {
  return Buffer.concat([
    header(id, 0x0100, [1, 0, 0, 0]),
    encodeName(name),
    words(types.SOA, classes.IN),
  ]);
}

export function txtUpdate(
  id: number,
  zone: string,
  change: { kind: "add" | "delete"; name: string; value: string; timeToLive: number },
): Buffer {
  const text = Buffer.from(change.value, "latin1");
  const data = Buffer.concat([Buffer.from([text.length]), text]);
  const isAdded = change.kind === "add";
  const ttl = Buffer.alloc(4);
  ttl.writeUInt32BE(isAdded ? change.timeToLive : 0);
  return Buffer.concat([
    header(id, 0x2800, [1, 0, 1, 0]),
    encodeName(zone),
    words(types.SOA, classes.IN),
    encodeName(change.name),
    words(types.TXT, isAdded ? classes.IN : classes.NONE),
    ttl,
    words(data.length),
    data,
  ]);
}

/** `nowSeconds`: since 1970. */
export function sign(message: Buffer, key: TsigKey, nowSeconds: number): Signature {
  const time = Buffer.alloc(6);
  time.writeUIntBE(nowSeconds, 0, 6);
  const variables = signedVariables(key, time, fudgeSeconds);
  const mac = hmac(key, [message, variables]);
  const data = Buffer.concat([
    encodeName(key.algorithm),
    time,
    words(fudgeSeconds, mac.length),
    mac,
    message.subarray(0, 2),
    words(0, 0),
  ]);
  const signed = Buffer.concat([
    message,
    encodeName(key.name),
    words(types.TSIG, classes.ANY),
    Buffer.alloc(4),
    words(data.length),
    data,
  ]);
  signed.writeUInt16BE(message.readUInt16BE(10) + 1, 10);
  return { message: signed, mac };
}

/** Throws a RangeError for what is no answer to the question of that id. */
export function readReply(reply: Buffer, id: number): DnsReply {
  const { records, code } = parse(reply, id);
  const failure = records.find(({ type }) => type === types.TSIG);
  const signatureError = failure === undefined ? 0 : tsigOf(failure.data, 0).error;
  const zone = records.find(({ type }) => type === types.SOA)?.name ?? null;
  return { code: signatureErrors[signatureError] ?? codeName(code), zone };
}

/** Whether the answer was signed by the key, over the request's signature. */
export function isSignedBy(reply: Buffer, key: TsigKey, requestMac: Buffer): boolean {
  const record = parse(reply, reply.readUInt16BE(0)).records.at(-1);
  if (record === undefined || record.type !== types.TSIG || record.name !== key.name) return false;
  const { time, fudge, mac, algorithm } = tsigOf(record.data, 0);
  if (algorithm !== key.algorithm) return false;
  const unsigned = Buffer.from(reply.subarray(0, record.start));
  unsigned.writeUInt16BE(unsigned.readUInt16BE(10) - 1, 10);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(requestMac.length);
  const expected = hmac(key, [length, requestMac, unsigned, signedVariables(key, time, fudge)]);
  return expected.length === mac.length && timingSafeEqual(expected, mac);
}

interface ParsedRecord {
  name: string;
  type: number;
  data: Buffer;
  /** Where the record begins in the message. */
  start: number;
}

function parse(reply: Buffer, id: number): { code: number; records: ParsedRecord[] } {
  if (reply.length < headerBytes || reply.readUInt16BE(0) !== id || (reply[2]! & 0x80) === 0) {
    throw new RangeError("no answer to the question");
  }
  let offset = headerBytes;
  for (let i = 0; i < reply.readUInt16BE(4); i++) offset = readName(reply, offset).end + 4;
  const count = reply.readUInt16BE(6) + reply.readUInt16BE(8) + reply.readUInt16BE(10);
  const records: ParsedRecord[] = [];
  for (let i = 0; i < count; i++) {
    const { name, end } = readName(reply, offset);
    const length = reply.readUInt16BE(end + 8);
    const data = reply.subarray(end + 10, end + 10 + length);
    records.push({ name, type: reply.readUInt16BE(end), data, start: offset });
    offset = end + 10 + length;
  }
  return { code: reply[3]! & 0x0f, records };
}

function tsigOf(
  data: Buffer,
  offset: number,
): { algorithm: string; time: Buffer; fudge: number; mac: Buffer; error: number } {
  const { name: algorithm, end } = readName(data, offset);
  const macLength = data.readUInt16BE(end + 8);
  const mac = data.subarray(end + 10, end + 10 + macLength);
  const error = data.readUInt16BE(end + 12 + macLength);
  return {
    algorithm,
    time: data.subarray(end, end + 6),
    fudge: data.readUInt16BE(end + 6),
    mac,
    error,
  };
}

/** RFC 8945 4.3.3. */
function signedVariables(key: TsigKey, time: Buffer, fudge: number): Buffer {
  return Buffer.concat([
    encodeName(key.name),
    words(classes.ANY),
    Buffer.alloc(4),
    encodeName(key.algorithm),
    time,
    words(fudge, 0, 0),
  ]);
}

function hmac(key: TsigKey, parts: readonly Buffer[]): Buffer {
  const hash = createHmac(tsigAlgorithms[key.algorithm], key.secret);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function header(id: number, flags: number, counts: number[]): Buffer {
  return words(id, flags, ...counts);
}

function words(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => buffer.writeUInt16BE(value, index * 2));
  return buffer;
}

function encodeName(name: string): Buffer {
  const labels = name === "" ? [] : name.split(".");
  const parts = labels.flatMap((label) => {
    const bytes = Buffer.from(label, "latin1");
    if (bytes.length === 0 || bytes.length > 63) throw new RangeError(`no name in DNS: ${name}`);
    return [Buffer.from([bytes.length]), bytes];
  });
  return Buffer.concat([...parts, Buffer.from([0])]);
}

/** Follows compression (RFC 1035 4.1.4); pointers lead back, and a name has its limits (2.3.4), so it ends. */
function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let nameBytes = 0;
  let offset = start;
  let end = -1;
  for (;;) {
    const length = message.readUInt8(offset);
    if (length === 0) {
      return { name: labels.join(".").toLowerCase(), end: end < 0 ? offset + 1 : end };
    }
    if (length < 0xc0) {
      nameBytes += 1 + length;
      if (length > maxLabelBytes || nameBytes >= maxNameBytes)
        throw new RangeError("a name too long");
      labels.push(message.subarray(offset + 1, offset + 1 + length).toString("latin1"));
      offset += 1 + length;
      continue;
    }
    const pointer = message.readUInt16BE(offset) & 0x3fff;
    if (end < 0) end = offset + 2;
    if (pointer >= offset) throw new RangeError("a name that points forward");
    offset = pointer;
  }
}

const maxLabelBytes = 63;
/** With the empty label at its end. */
const maxNameBytes = 255;

function codeName(code: number): string {
  return responseCodes[code] ?? `code ${code}`;
}
