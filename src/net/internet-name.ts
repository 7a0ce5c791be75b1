/** Address and port as the system's calls take them. */
import { type Pointer, ptr } from "bun:ffi";
import type { Libc } from "./libc.ts";

const inet = 2;
const inet6 = 10;

/** A `sockaddr_in`, or a `sockaddr_in6`, of which the family comes first. */
export function internetName(libc: Libc, address: string, port: number): Buffer {
  const family = address.includes(":") ? inet6 : inet;
  const name = Buffer.alloc(family === inet6 ? 28 : 16);
  name.writeUInt16LE(family, 0);
  name.writeUInt16BE(port, 2);
  // Behind the port, and with IPv6 behind the flow.
  libc.inet_pton(family, textPointer(address), ptr(name, family === inet6 ? 8 : 4));
  return name;
}

function textPointer(text: string): Pointer {
  return ptr(Buffer.from(`${text}\0`, "latin1"));
}
