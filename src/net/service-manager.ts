/**
 * Who started this process as a service and wants to know how it is: systemd, by the protocol of
 * sd_notify(3). A message is lines of NAME=value in one datagram.
 */
import { ptr } from "bun:ffi";
import { closeSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { type Libc, lastErrno } from "./libc.ts";
import { unixName } from "./unix-name.ts";

/** Names the socket that takes the messages; an @ at its beginning stands for a zero byte. */
export const notifyVariable = "NOTIFY_SOCKET";

const unix = 1;
const datagram = 2;
const closeOnExec = 0o2000000;
/** MSG_DONTWAIT | MSG_NOSIGNAL */
const sendFlags = 0x4040;
/** CLOCK_MONOTONIC */
const monotonicClock = 1;

export class ServiceManager {
  readonly #libc: Libc;
  readonly #path: string;
  readonly #onFailure: (reason: string) => void;

  private constructor(libc: Libc, path: string, onFailure: (reason: string) => void) {
    this.#libc = libc;
    this.#path = path;
    this.#onFailure = onFailure;
  }

  /** Null: nobody wants to know. `onFailure` is called when a message can't be sent. */
  static find(
    libc: Libc | null,
    environment: NodeJS.ProcessEnv,
    onFailure: (reason: string) => void,
  ): ServiceManager | null {
    const path = environment[notifyVariable] ?? "";
    return libc === null || path === "" ? null : new ServiceManager(libc, path, onFailure);
  }

  /** It serves: after a start, after a reload, and after one that failed. */
  ready(pid: number, status: string): void {
    this.#send(`READY=1\nMAINPID=${pid}\nSTATUS=${status}`);
  }

  /** Until the next `ready`. */
  reloading(status: string): void {
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${this.#monotonicMicroseconds()}\nSTATUS=${status}`);
  }

  stopping(status: string): void {
    this.#send(`STOPPING=1\nSTATUS=${status}`);
  }

  #monotonicMicroseconds(): bigint {
    const [seconds, nanoseconds] = this.#read();
    return seconds * 1_000_000n + nanoseconds / 1_000n;
  }

  #read(): [seconds: bigint, nanoseconds: bigint] {
    const time = new BigInt64Array(2);
    this.#libc.clock_gettime(monotonicClock, ptr(time));
    return [time[0]!, time[1]!];
  }

  #send(message: string): void {
    const libc = this.#libc;
    const fd = libc.socket(unix, datagram | closeOnExec, 0);
    if (fd < 0) return this.#failed();
    const name = unixName(this.#path);
    const bytes = Buffer.from(message);
    const sent =
      libc.connect(fd, ptr(name), name.length) === 0 &&
      Number(libc.send(fd, ptr(bytes), bytes.length, sendFlags)) === bytes.length;
    if (!sent) this.#failed();
    closeSync(fd);
  }

  #failed(): void {
    this.#onFailure(`${this.#path}: ${getSystemErrorName(-lastErrno(this.#libc))}`);
  }
}
