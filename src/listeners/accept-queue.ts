/**
 * Connections that the kernel keeps until they are accepted. Bun lets it keep 512: of a burst of more,
 * some clients have to ask again after a second or three. Listening anew on the same socket changes
 * the number, and only the system's own call can do that.
 */
import { dlopen } from "bun:ffi";
import { acceptQueueLength } from "../config/defaults.ts";

/** The kernel takes its own limit (net.core.somaxconn) when that is lower. */
export function widenAcceptQueue(listener: object): void {
  if (!("fd" in listener) || typeof listener.fd !== "number" || listener.fd < 0) return;
  const libc = openLibc();
  libc?.symbols.listen(listener.fd, acceptQueueLength);
  libc?.close();
}

/** Null where there is none by these names: the queue stays as it is. */
function openLibc(): Libc | null {
  for (const name of libcNames) {
    try {
      return dlopen(name, functions);
    } catch {
      // The next one, of another C library.
    }
  }
  return null;
}

const libcNames = [
  "libc.so.6",
  "libc.musl-x86_64.so.1",
  "libc.musl-aarch64.so.1",
  "libSystem.B.dylib",
];
const functions = { listen: { args: ["i32", "i32"], returns: "i32" } } as const;
type Libc = ReturnType<typeof dlopen<typeof functions>>;
