/**
 * Sends one command to the running proxy and waits for its reply.
 * Loaded by each command that is sent, so it imports little: replies are checked by hand.
 */
import { CommandError } from "../../config/command-error.ts";
import { maxControlMessageBytes, maxReplyBytes } from "../../config/limits.ts";
import { codeOf } from "../../lib/error-text.ts";
import { SocketWriter } from "../../net/socket-writer.ts";
import { decodeMessage, encodeCuriousMessage, encodeMessage, MessageReader } from "./framing.ts";
import type { Command, Progress, Reply } from "./protocol.ts";

const connectErrors: Record<string, string> = {
  ENOENT: "no such file or directory",
  ECONNREFUSED: "connection refused",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EINVAL: "invalid argument",
  ENAMETOOLONG: "invalid argument",
};

/**
 * Throws a CommandError when the proxy can not be reached or goes away before it answers.
 * `onProgress` is told what the command waits for.
 */
export async function sendCommand(
  socketPath: string,
  command: Command,
  onProgress?: (progress: Progress) => void,
): Promise<Reply> {
  const message = onProgress === undefined ? encodeMessage(command) : encodeCuriousMessage(command);
  if (message.length > maxControlMessageBytes) {
    throw new CommandError(`command is larger than ${maxControlMessageBytes} bytes`);
  }
  return readReply(
    await exchange(socketPath, message, (progress) => {
      if (isProgress(progress)) onProgress?.(progress);
    }),
  );
}

/** Resolves to the line of the reply. */
async function exchange(
  socketPath: string,
  message: Buffer,
  onProgress: (progress: unknown) => void,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const reader = new MessageReader(maxReplyBytes);
  let writer: SocketWriter | undefined;
  const lost = () => reject(new CommandError("unexpected EOF"));
  try {
    await Bun.connect({
      unix: socketPath,
      socket: {
        open(socket) {
          writer = new SocketWriter(socket);
          writer.write(message);
          writer.flush();
        },
        drain() {
          writer?.drain();
        },
        data(socket, bytes) {
          let received = reader.push(bytes);
          while (received.kind === "line") {
            const decoded = decodeMessage(received.line);
            if (decoded.kind !== "progress") break;
            onProgress(decoded.progress);
            received = reader.push(received.rest);
          }
          if (received.kind === "more") return;
          if (received.kind === "line") resolve(received.line);
          else reject(new CommandError("reply of the proxy is too large"));
          socket.end();
        },
        close: lost,
        error: lost,
      },
    });
  } catch (error) {
    throw connectError(socketPath, error);
  }
  return promise;
}

function connectError(socketPath: string, error: unknown): CommandError {
  const code = codeOf(error);
  return new CommandError(`dial unix ${socketPath}: connect: ${connectErrors[code] ?? code}`);
}

function readReply(line: string): Reply {
  const decoded = decodeMessage(line);
  if (decoded.kind === "other-version") {
    throw new CommandError(`the proxy speaks another protocol version (${decoded.version})`);
  }
  const payload = decoded.kind === "payload" ? decoded.payload : undefined;
  if (typeof payload === "object" && payload !== null && "ok" in payload) {
    if (payload.ok === true && Object.entries(payload).every(isPart)) return payload as Reply;
    if (payload.ok === false && "error" in payload && typeof payload.error === "string") {
      return { ok: false, error: payload.error };
    }
  }
  throw new CommandError("reply of the proxy could not be understood");
}

/** What a reply may hold, as far as those who print it need it. */
const partsOfReply: Readonly<Record<string, (value: unknown) => boolean>> = {
  ok: (value) => value === true,
  warnings: isTexts,
  services: isDescriptions,
  status: (value) => isObject(value) && "traffic" in value && "processes" in value,
  certificates: (value) => Array.isArray(value) && value.every(isNamed),
  upgraded: isObject,
  workers: (value) => Array.isArray(value) && value.every(isObject),
};

/** A newer proxy may tell more. */
function isPart([key, value]: [string, unknown]): boolean {
  return partsOfReply[key]?.(value) ?? true;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isNamed(value: unknown): boolean {
  return isObject(value) && "name" in value;
}

function isProgress(value: unknown): value is Progress {
  if (typeof value !== "object" || value === null || !("waiting_for" in value)) return false;
  if (!("remaining_ms" in value) || typeof value.remaining_ms !== "number") return false;
  if (value.waiting_for === "drain") return "requests" in value;
  if (value.waiting_for === "rollout") return "rollout" in value && "passed" in value;
  return value.waiting_for === "health" && "targets" in value && Array.isArray(value.targets);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

/** As far as the table of `list` needs it. */
function isDescriptions(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(
    (service: unknown) =>
      typeof service === "object" &&
      service !== null &&
      ["hosts", "paths", "targets"].every((key) =>
        Array.isArray((service as Record<string, unknown>)[key]),
      ) &&
      "state" in service &&
      typeof service.state === "string" &&
      "tls" in service &&
      typeof service.tls === "boolean",
  );
}
