/** A name server that takes dynamic updates (RFC 2136), over TCP, signed by a shared key (TSIG, RFC 8945). */
import { randomInt } from "node:crypto";
import { CommandError } from "../../../../config/command-error.ts";
import type { Clock } from "../../../../lib/clock.ts";
import { messageOf, messageWithCause } from "../../../../lib/error-text.ts";
import { type DnsProvider, DnsProviderError, type TxtRecord } from "./dns-provider.ts";
import {
  isSignedBy,
  readReply,
  sign,
  soaQuestion,
  type TsigAlgorithm,
  tsigAlgorithms,
  type TsigKey,
  txtUpdate,
} from "./dns-update-message.ts";
import type { ProviderContext } from "./provider-context.ts";

const name = "rfc2136";
/** Seconds. */
const timeToLive = 30;

/** One message there and one back; the length stands before each (RFC 1035 4.2.2). */
export type AskNameServer = (
  clock: Clock,
  server: { host: string; port: number },
  message: Buffer,
) => Promise<Buffer>;

export class Rfc2136Dns implements DnsProvider {
  readonly name = name;
  readonly #server: { host: string; port: number };
  readonly #key: TsigKey | null;
  readonly #clock: Clock;
  readonly #ask: AskNameServer;

  constructor(context: ProviderContext, ask: AskNameServer) {
    this.#server = readServer(context.setting("RFC2136_NAMESERVER"));
    this.#key = readKey(context);
    this.#clock = context.http.clock;
    this.#ask = ask;
  }

  /** Resolves with the zone. */
  async add(record: TxtRecord): Promise<string> {
    const zone = await this.#zoneOf(record.name);
    await this.#update(zone, "add", record);
    return zone;
  }

  async remove(record: TxtRecord, zone: string): Promise<void> {
    await this.#update(zone, "delete", record);
  }

  async #zoneOf(recordName: string): Promise<string> {
    const id = randomInt(0x10000);
    const reply = await this.#exchange(soaQuestion(id, recordName));
    const { code, zone } = this.#read(() => readReply(reply, id));
    if (zone !== null) return zone;
    throw this.#error(`has no zone for ${recordName} (${code})`);
  }

  async #update(zone: string, kind: "add" | "delete", record: TxtRecord): Promise<void> {
    const id = randomInt(0x10000);
    const message = txtUpdate(id, zone, { kind, ...record, timeToLive });
    const key = this.#key;
    const nowSeconds = Math.floor(this.#clock.wallMs() / 1_000);
    const signed = key === null ? null : sign(message, key, nowSeconds);
    const reply = await this.#exchange(signed?.message ?? message);
    const { code } = this.#read(() => readReply(reply, id));
    if (code !== "NOERROR") throw this.#error(`refused to change ${record.name}: ${code}`);
    if (key !== null && !this.#read(() => isSignedBy(reply, key, signed!.mac))) {
      throw this.#error(`answered without the signature of the key ${key.name}`);
    }
  }

  async #exchange(message: Buffer): Promise<Buffer> {
    try {
      return await this.#ask(this.#clock, this.#server, message);
    } catch (error) {
      throw this.#error(`could not be asked: ${messageWithCause(error)}`, error);
    }
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.#error(`sent an answer that can't be read: ${messageOf(error)}`, error);
    }
  }

  #error(reason: string, cause?: unknown): DnsProviderError {
    const { host, port } = this.#server;
    return new DnsProviderError(name, `${host}:${port} ${reason}`, { cause });
  }
}

function readServer(text: string): { host: string; port: number } {
  const url = `dns://${/^[^[].*:.*:/.test(text) ? `[${text}]` : text}`;
  if (!/[/?#@]/.test(text) && URL.canParse(url)) {
    const { hostname, port } = new URL(url);
    if (hostname !== "")
      return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 53) };
  }
  throw new CommandError(`RFC2136_NAMESERVER must be a host with or without port, not ${text}`);
}

function readKey(context: ProviderContext): TsigKey | null {
  const keyName = context.setting("RFC2136_TSIG_KEY", "").toLowerCase().replace(/\.$/, "");
  if (keyName === "") return null;
  const algorithm = context
    .setting("RFC2136_TSIG_ALGORITHM", "hmac-sha256")
    .toLowerCase()
    .replace(/\.$/, "");
  if (!Object.hasOwn(tsigAlgorithms, algorithm)) {
    const known = Object.keys(tsigAlgorithms).join(", ");
    throw new CommandError(`RFC2136_TSIG_ALGORITHM must be one of ${known}, not ${algorithm}`);
  }
  const secret = context.secret("RFC2136_TSIG_SECRET");
  if (!/^[A-Za-z0-9+/]+=*$/.test(secret)) {
    throw new CommandError("RFC2136_TSIG_SECRET must be in base64");
  }
  return {
    name: keyName,
    algorithm: algorithm as TsigAlgorithm,
    secret: Buffer.from(secret, "base64"),
  };
}
