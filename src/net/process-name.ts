/** The name by which the system's tools show this process; a child of `/proc/self/exe` would be `exe`. */
import { ptr } from "bun:ffi";
import { openLibc } from "./libc.ts";

const setName = 15;

export function nameProcess(name: string): void {
  const text = Buffer.from(`${name}\0`, "latin1");
  openLibc()?.prctl(setName, ptr(text));
}
