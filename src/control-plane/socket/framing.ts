/**
 * How a message travels over the control socket: one JSON object on one line, with the version of
 * the protocol beside the payload so that another version gets a clear answer. No I/O here.
 */
import { ByteQueue } from "../../net/byte-queue.ts";

export const protocolVersion = 1;

export type DecodedMessage =
  /** `wantsProgress`: the client takes news of the command before the reply. */
  | { kind: "payload"; payload: unknown; wantsProgress?: true }
  | { kind: "progress"; progress: unknown }
  | { kind: "other-version"; version: number }
  | { kind: "malformed" };

export type Received =
  | { kind: "more" }
  /** `rest`: what came behind it; valid as long as the chunk that was pushed. */
  | { kind: "line"; line: string; rest: Uint8Array }
  /** Further bytes are of no use: the connection has to be given up. */
  | { kind: "too-large" };

const newline = 0x0a;

export function encodeMessage(payload: unknown): Buffer {
  return encodeLine({ payload });
}

/** A command whose client wants to be told what it waits for. */
export function encodeCuriousMessage(payload: unknown): Buffer {
  return encodeLine({ progress: true, payload });
}

export function encodeProgress(progress: unknown): Buffer {
  return encodeLine({ progress });
}

function encodeLine(content: object): Buffer {
  return Buffer.from(`${JSON.stringify({ protocol: protocolVersion, ...content })}\n`);
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
  const progress = "progress" in message ? message.progress : undefined;
  if ("payload" in message) {
    const { payload } = message;
    return { kind: "payload", payload, ...(progress === true && { wantsProgress: true }) };
  }
  return progress === undefined ? { kind: "malformed" } : { kind: "progress", progress };
}

/** Collects the bytes of one message after the other. */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #begun = new ByteQueue();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): Received {
    const end = chunk.indexOf(newline);
    const taken = end < 0 ? chunk.length : end;
    const begun = this.#begun;
    if (begun.length + taken > this.#maxBytes) {
      begun.consume(begun.length);
      return { kind: "too-large" };
    }
    begun.append(chunk.subarray(0, taken));
    if (end < 0) return { kind: "more" };
    const line = begun.view().toString("utf8");
    begun.consume(begun.length);
    return { kind: "line", line, rest: chunk.subarray(end + 1) };
  }
}
