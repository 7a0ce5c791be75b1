/** One question to one name server. */
import { Resolver as QuestionChannel } from "node:dns";
import { codeOf } from "../../lib/error-text.ts";

export type RecordType = "A" | "AAAA";

export type DnsAnswer =
  | { kind: "addresses"; addresses: string[] }
  /** There is no such name, or none with addresses of that kind. */
  | { kind: "none" }
  /** The server is there and can't tell. */
  | { kind: "failed" }
  /** No answer in time, or no server there. */
  | { kind: "silent" };

export interface DnsClient {
  ask(name: string, type: RecordType, server: string, timeoutMs: number): Promise<DnsAnswer>;
}

/**
 * By the runtime's c-ares, over UDP and, for answers that are cut off, TCP. It asks in the event loop: measured,
 * 64 questions without an answer delay the next one by nothing, where two lookups by `getaddrinfo` hold up all
 * others on two cores. A channel of its own for each question, 100 µs, has no cache, no memory of earlier
 * failures, and a port that nobody can guess. It waits for a second at least and for five at most.
 */
export const systemDnsClient: DnsClient = {
  ask(name, type, server, timeoutMs) {
    const { promise, resolve } = Promise.withResolvers<DnsAnswer>();
    const answered = (error: Error | null, addresses: string[]): void =>
      resolve(error === null ? found(addresses) : { kind: failureKind(codeOf(error)) });
    try {
      const channel = new QuestionChannel({ timeout: Math.ceil(timeoutMs), tries: 1 });
      channel.setServers([server]);
      if (type === "A") channel.resolve4(name, answered);
      else channel.resolve6(name, answered);
    } catch {
      // No such server, or out of descriptors.
      resolve({ kind: "silent" });
    }
    return promise;
  },
};

function found(addresses: string[]): DnsAnswer {
  return addresses.length === 0 ? { kind: "none" } : { kind: "addresses", addresses };
}

function failureKind(code: string): "none" | "failed" | "silent" {
  switch (code) {
    case "ENOTFOUND":
    case "ENODATA":
    case "EBADNAME":
      return "none";
    case "ETIMEOUT":
    case "ECONNREFUSED":
    case "ECANCELLED":
      return "silent";
    default:
      return "failed";
  }
}
