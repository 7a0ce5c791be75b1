/** Takes what a service tells its manager, as systemd does: datagrams on a unix socket. */
import { ptr } from "bun:ffi";
import { closeSync, rmSync } from "node:fs";
import { openLibc } from "../../src/net/libc.ts";
import { unixName } from "../../src/net/unix-name.ts";
import { waitFor } from "./wait-for.ts";

/** AF_UNIX; SOCK_DGRAM | SOCK_CLOEXEC; MSG_DONTWAIT */
const unix = 1;
const datagram = 2 | 0o2000000;
const receiveFlags = 0x40;

export class NotifySocket implements Disposable {
  readonly path: string;
  readonly #libc = openLibc()!;
  readonly #fd: number;
  /** Those that nobody has waited for yet. */
  readonly #messages: string[] = [];

  /** A path that begins with @ is no file. */
  constructor(path: string) {
    this.path = path;
    this.#fd = this.#libc.socket(unix, datagram, 0);
    const name = unixName(path);
    if (this.#libc.bind(this.#fd, ptr(name), name.length) !== 0) throw new Error(`bind: ${path}`);
  }

  /** The next message, as values by name. */
  async next(): Promise<Record<string, string>> {
    await waitFor(() => {
      this.#receive();
      return this.#messages.length > 0;
    }, "a message to the service manager");
    const lines = this.#messages.shift()!.split("\n");
    return Object.fromEntries(lines.map((line) => line.split("=", 2) as [string, string]));
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
    if (!this.path.startsWith("@")) rmSync(this.path, { force: true });
  }

  #receive(): void {
    const bytes = Buffer.alloc(4_096);
    for (;;) {
      const length = Number(this.#libc.recv(this.#fd, ptr(bytes), bytes.length, receiveFlags));
      if (length <= 0) return;
      this.#messages.push(bytes.toString("utf8", 0, length));
    }
  }
}
