/**
 * How a message travels over the control socket: one JSON object on one line, with the version of
 * the protocol beside the payload so that another version gets a clear answer. No I/O here.
 */
import { maxControlMessageBytes } from "../config/defaults.ts";

export const protocolVersion = 1;

/** Commands stay small; a list of thousands of services does not. */
export const maxReplyBytes = 64 * maxControlMessageBytes;

export type DecodedMessage =
  | { kind: "payload"; payload: unknown }
  | { kind: "other-version"; version: number }
  | { kind: "malformed" };

export type Received =
  | { kind: "more" }
  | { kind: "line"; line: string }
  /** Further bytes are of no use: the connection has to be given up. */
  | { kind: "too-large" };

const newline = 0x0a;

export function encodeMessage(payload: unknown): Buffer {
  return Buffer.from(`${JSON.stringify({ protocol: protocolVersion, payload })}\n`);
}

export function decodeMessage(line: string): DecodedMessage {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return { kind: "malformed" };
  }
  if (typeof message !== "object" || message === null || !("protocol" in message)) {
    return { kind: "malformed" };
  }
  const version = message.protocol;
  if (typeof version !== "number") return { kind: "malformed" };
  if (version !== protocolVersion) return { kind: "other-version", version };
  return "payload" in message
    ? { kind: "payload", payload: message.payload }
    : { kind: "malformed" };
}

/** Collects the bytes of one message. What follows the message is ignored. */
export class MessageReader {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): Received {
    const end = chunk.indexOf(newline);
    const taken = end < 0 ? chunk.length : end;
    this.#length += taken;
    if (this.#length > this.#maxBytes) {
      this.#chunks = [];
      return { kind: "too-large" };
    }
    // The socket reuses its buffer, so what is kept has to be a copy.
    this.#chunks.push(Buffer.from(chunk.subarray(0, taken)));
    if (end < 0) return { kind: "more" };
    const line = Buffer.concat(this.#chunks).toString("utf8");
    this.#chunks = [];
    return { kind: "line", line };
  }
}
